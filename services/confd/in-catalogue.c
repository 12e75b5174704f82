/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * hapair-in-catalogue UNIT: exit status 0 when the catalogue of services has the unit, 1 when it has not.
 * For hapair's polkit rule, which lets hapair-svcmand manage these units and no others.
 */
#include <stdio.h>

#include "common/config/catalogue.h"

int main(int argc, char *argv[])
{
        static const char *const directories[] = { HAPAIR_CONFIG_DIR "/services.d", HAPAIR_CATALOGUE_DIR,
                                                   NULL };

        if (argc != 2) {
                fputs("usage: hapair-in-catalogue UNIT\n", stderr);
                return 2;
        }
        return catalogue_has_unit(directories, argv[1]) ? 0 : 1;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What names and paths in the configuration may look like. Each of these ends in a host name, an object
 * path, a unit's name, a device or the arguments of a command, so that anything unusual is refused where it
 * is read.
 */
#pragma once

#include <stdbool.h>

bool name_is_cluster(const char *text);
bool name_is_domain(const char *text);
bool name_is_interface(const char *text);
bool name_is_label(const char *text);
bool name_is_further_path(const char *text);
bool name_is_unit(const char *text);
bool name_is_device(const char *text);
bool name_is_watchdog(const char *text);
bool name_is_resource(const char *text);
bool name_is_drbd_device(const char *text);
bool name_is_disk(const char *text);
bool name_is_mount_point(const char *text);
bool name_is_file_system(const char *text);
bool name_is_baud(const char *text);
bool name_is_description(const char *text);
bool name_is_service_list(const char *text);
bool name_is_check_target(const char *text);

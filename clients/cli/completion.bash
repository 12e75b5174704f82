# SPDX-License-Identifier: LGPL-2.1-or-later
# Completion of hapair(1) for bash. It reads the words off the program's own help, so that it cannot fall
# behind: the verbs off the overview, alternatives off the usage line, options off the text below.

_hapair() {
        local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} verb=${COMP_WORDS[1]}
        local help words

        if ((COMP_CWORD == 1)); then
                words=$(hapair --help 2>/dev/null | sed -n 's/^  \([a-z-]\+\) .*/\1/p')
                mapfile -t COMPREPLY < <(compgen -W "$words help --help --version" -- "$current")
                return
        fi

        if [[ $previous == --config ]]; then
                mapfile -t COMPREPLY < <(compgen -f -- "$current")
                return
        fi

        COMPREPLY=()
        help=$(hapair "$verb" --help 2>/dev/null) || return
        if [[ $current == -* ]]; then
                words="$(grep -o -e '--[a-z][a-z-]*' <<<"$help") --help"
        else
                words=$(sed -n "1s/^Usage: hapair $verb//p" <<<"$help" | grep -o '[a-z-]\+|[a-z|-]\+' | tr '|' '\n')
        fi
        mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
}

complete -F _hapair hapair

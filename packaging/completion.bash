# bash completion for zfabric: subcommands, options and their choices, as --help tells them, so that
# there is no second list of them.

_zfabric() {
    local command=${COMP_WORDS[0]} word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} help
    COMPREPLY=()
    if [[ $COMP_CWORD -eq 1 ]]; then
        help=$("$command" --help 2> /dev/null | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p')
        mapfile -t COMPREPLY < <(compgen -W "$help --help" -- "$word")
        return
    fi
    help=$("$command" "${COMP_WORDS[1]}" --help 2> /dev/null) || return 0
    if [[ $word == -* ]]; then
        help=$(sed -n 's/^ \{2,6\}\(-., \)\{0,1\}\(--[a-z-]*\).*/\2/p' <<< "$help")
        mapfile -t COMPREPLY < <(compgen -W "$help" -- "$word")
        return
    fi
    # The choices of the option before, as in `--codec json|msgpack`; else files.
    if [[ $before == -* ]]; then
        help=$(sed -n 's/^ \{2,6\}\(-., \)\{0,1\}'"$before"' \([a-z]*|[a-z|]*\).*/\2/p' <<< "$help")
        mapfile -t COMPREPLY < <(compgen -W "${help//|/ }" -- "$word")
    fi
    [[ ${#COMPREPLY[@]} -gt 0 ]] || mapfile -t COMPREPLY < <(compgen -f -- "$word")
}
complete -o filenames -F _zfabric zfabric

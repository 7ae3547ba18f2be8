# exit_code.sh - runs a command and fails unless it exits with the code given first.
want=$1
shift
"$@"
got=$?
[ "$got" = "$want" ] || echo "exit code $got, expected $want" >&2
[ "$got" = "$want" ]

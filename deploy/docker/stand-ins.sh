#!/usr/bin/env bash
# Makes images that stand in for those that docker-compose.monitoring.yml pulls and builds on, out of what is installed
# on this Debian machine, for a place that reaches no registry of images. compose.local.yml uses them.
#
#   deploy/docker/stand-ins.sh TAG FOLDER    FOLDER holds inference-service and logging-service, built in release
#
# Real programs: Prometheus, Alertmanager, node-exporter, HAProxy, from the Debian packages prometheus,
# prometheus-alertmanager, prometheus-node-exporter and haproxy. The three bases of the Dockerfile: the Debian packages
# that gcr.io/distroless/cc consists of, and on top of them a shell (busybox-static), a "cargo" that hands over the
# programs in FOLDER instead of compiling, and a "python3" that hands over the library of ONNX Runtime, which is fetched here
# into FOLDER/../onnxruntime if need be; where it cannot be had, the images do without. Grafana, Loki and Alloy are in no Debian package: a web server that does
# nothing takes their place. Every image, and what is built on it, has the label glasshouse.stand-in=TAG.
set -euo pipefail

tag=${1:?which tag?}
programs=$(realpath "${2:?in which folder are the programs?}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The regular files and links of Debian packages, documents aside, below a folder.
packages_into() {
    local folder=$1 path
    shift
    dpkg -L "$@" | grep -vE '^/usr/share/(doc|man|locale|lintian|bug)(/|$)' | sort -u | while read -r path; do
        if [ -f "$path" ] || { [ -L "$path" ] && [ ! -d "$path" ]; }; then echo "${path#/}"; fi
    done | tar --create --directory / --no-recursion --files-from - | tar --extract --directory "$folder"
}

# Programs with the libraries that they load, below a folder.
programs_into() {
    local folder=$1 program
    shift
    for program in "$@"; do
        cp --parents --dereference "$program" "$folder"
        { ldd "$program" 2> "$work/static" || true; } | grep -oE '/[^ ]+' | while read -r library; do
            cp --parents --dereference "$library" "$folder"
        done
    done
}

# A shell and the usual tools, out of one program.
shell_into() {
    local folder=$1 name
    mkdir -p "$folder/bin" "$folder/usr/bin"
    cp "$(command -v busybox)" "$folder/bin/busybox"
    for name in base64 cat cp find head httpd mkdir mv rm sh stat timeout touch uname wget; do
        ln -s busybox "$folder/bin/$name"
    done
}

# Users, names and a place for temporary files.
system_into() {
    mkdir -p "$1/etc" "$1/tmp"
    chmod 1777 "$1/tmp"
    printf '%s\n' root:x:0:0:root:/:/ nobody:x:65534:65534:nobody:/:/ nonroot:x:65532:65532:nonroot:/:/ > "$1/etc/passwd"
    printf '%s\n' root:x:0: nobody:x:65534: nonroot:x:65532: > "$1/etc/group"
    echo 'hosts: files dns' > "$1/etc/nsswitch.conf"
}

# An image out of a folder. What lies in its folder .owned goes to the root of the image as well, owned by USER.
image() {
    local name=$1 folder=$2 user=$3
    shift 3
    mkdir -p "$folder/.owned"
    tar --create --file "$work/image.tar" --directory "$folder" --owner=0 --group=0 --exclude=./.owned .
    tar --append --file "$work/image.tar" --directory "$folder/.owned" --owner="$user" --group="$user" \
        --no-recursion --files-from <(cd "$folder/.owned" && find . -mindepth 1)
    docker import --change "LABEL glasshouse.stand-in=$tag" --change "USER $user:$user" "$@" \
        "$work/image.tar" "glasshouse-stand-in/$name:$tag" > "$work/id"
    rm "$work/image.tar"
    echo "glasshouse-stand-in/$name:$tag"
}

folder() {
    mkdir "$work/$1"
    system_into "$work/$1"
    echo "$work/$1"
}

runtime=$(folder runtime)
packages_into "$runtime" base-files ca-certificates libc6 libgcc-s1 libgomp1 libssl3 libstdc++6 media-types netbase tzdata
image runtime "$runtime" 65532

rust=$(folder rust)
packages_into "$rust" libc6
shell_into "$rust"
mkdir -p "$rust/usr/local/bin" "$rust/prebuilt"
for program in inference-service logging-service; do
    strip -o "$rust/prebuilt/$program" "$programs/$program"
done
cat > "$rust/usr/local/bin/cargo" << 'CARGO'
#!/bin/sh
# Stands in for cargo: refuses what it cannot do, checks that the sources are in place, and hands over the programs.
set -eu
expected='build --release --locked -p inference-service -p logging-service'
[ "$*" = "$expected" ] || { echo "this cargo only knows: $expected" >&2; exit 1; }
[ -f Cargo.toml ] && [ -f Cargo.lock ] || { echo "no workspace here" >&2; exit 1; }
for crate in crates/*; do
    [ -f "$crate/Cargo.toml" ] || { echo "$crate has no manifest" >&2; exit 1; }
    [ -f "$crate/src/lib.rs" ] || [ -f "$crate/src/main.rs" ] || { echo "$crate has no sources" >&2; exit 1; }
done
mkdir -p target/release
cp /prebuilt/* target/release/
CARGO
# The Dockerfile asks for it, and only a cargo that compiles would call it.
printf '#!/bin/sh\necho "nothing is made here" >&2\nexit 1\n' > "$rust/usr/local/bin/make"
chmod +x "$rust/usr/local/bin/cargo" "$rust/usr/local/bin/make"
image rust "$rust" 0 --change 'ENV PATH=/usr/local/bin:/usr/bin:/bin'

python=$(folder python)
packages_into "$python" libc6
shell_into "$python"
mkdir -p "$python/usr/local/bin" "$python/prebuilt"
library=$programs/../onnxruntime
python3 "$(dirname "$0")/../onnxruntime/fetch.py" "$library" >&2 ||
    echo "without ONNX Runtime, which cannot be fetched" >&2
[ ! -d "$library" ] || cp "$library"/* "$python/prebuilt"
cat > "$python/usr/local/bin/python3" << 'PYTHON'
#!/bin/sh
# Stands in for Python: refuses what it cannot do, checks that the script is in place, and hands over the library.
set -eu
[ "$*" = '/fetch/fetch.py /onnxruntime' ] || { echo "this python3 only knows: /fetch/fetch.py /onnxruntime" >&2; exit 1; }
[ -f /fetch/fetch.py ] && [ -f /fetch/requirements.txt ] || { echo "no script here" >&2; exit 1; }
cp -r /prebuilt /onnxruntime
PYTHON
chmod +x "$python/usr/local/bin/python3"
image python "$python" 0 --change 'ENV PATH=/usr/local/bin:/usr/bin:/bin'

prometheus=$(folder prometheus)
shell_into "$prometheus"
programs_into "$prometheus" /usr/bin/prometheus
mkdir -p "$prometheus/.owned/prometheus"
image prometheus "$prometheus" 65534 --change 'ENTRYPOINT ["/usr/bin/prometheus"]'

alertmanager=$(folder alertmanager)
shell_into "$alertmanager"
programs_into "$alertmanager" /usr/bin/prometheus-alertmanager
cp --parents --recursive /usr/share/prometheus/alertmanager "$alertmanager"
mkdir -p "$alertmanager/.owned/alertmanager"
image alertmanager "$alertmanager" 65534 --change 'ENTRYPOINT ["/usr/bin/prometheus-alertmanager"]'

node_exporter=$(folder node-exporter)
shell_into "$node_exporter"
programs_into "$node_exporter" /usr/bin/prometheus-node-exporter
image node-exporter "$node_exporter" 65534 --change 'ENTRYPOINT ["/usr/bin/prometheus-node-exporter"]'

haproxy=$(folder haproxy)
shell_into "$haproxy"
programs_into "$haproxy" /usr/sbin/haproxy
image haproxy "$haproxy" 0 \
    --change 'ENTRYPOINT ["/usr/sbin/haproxy", "-W", "-db", "-f", "/usr/local/etc/haproxy/haproxy.cfg"]'

# Answers /, /ready and /metrics on the port in PORT. The folders of the three that it stands in for have their owners.
for idle in grafana:472:var/lib/grafana loki:10001:loki alloy:473:var/lib/alloy/data; do
    IFS=: read -r name user data <<< "$idle"
    idle=$(folder "$name")
    shell_into "$idle"
    mkdir -p "$idle/www" "$idle/.owned/$data"
    echo ready | tee "$idle/www/index.html" > "$idle/www/ready"
    printf '# HELP stand_in Always 1.\n# TYPE stand_in gauge\nstand_in 1\n' > "$idle/www/metrics"
    # shellcheck disable=SC2016 # PORT is known in the container
    printf '#!/bin/sh\nexec httpd -f -p "$PORT" -h /www\n' > "$idle/run.sh"
    chmod +x "$idle/run.sh"
    image "$name" "$idle" "$user" --change 'ENTRYPOINT ["/run.sh"]'
done

#!/usr/bin/env bash
# A real Slurm of two nodes on this machine, on loopback alone; Debian's packages slurm-wlm, munge and bindfs; as root.
#
#   two_nodes.sh FOLDER up SHARED PORT    both nodes and the controller; PORT and the two after it must be free
#   two_nodes.sh FOLDER node NAME         one node (node1, node2) again after a power cut: kill -9 $(cat FOLDER/run/NAME)
#   two_nodes.sh FOLDER controller        the controller again after kill -9 $(cat FOLDER/run/controller)
#   two_nodes.sh FOLDER down
#
# Each node has its own hostname, processes and mounts, and its own bindfs of the folder SHARED, as machines with a file server
# have: file locks do not reach from one to the other, O_EXCL and mkdir do. A killed node takes all its processes with it.
# Scheduling, requeueing and killing are real; speed is not, since both nodes are the same two cores.
set -euo pipefail
folder="$(realpath "$1")"
export SLURM_CONF="$folder/slurm.conf"

controller() {
  setsid slurmctld -D >>"$folder/log/controller.out" 2>&1 &
  echo $! >"$folder/run/controller"
}

munge() {  # one of its own, which ends with this cluster and serves no other
  mkdir -p "$folder/munge"
  dd if=/dev/urandom of="$folder/munge/key" bs=1024 count=1 2>/dev/null
  chmod 400 "$folder/munge/key"
  chmod 755 "$folder" "$folder/munge"
  chown -R munge:munge "$folder/munge"
  local files=()
  for name in socket pid-file log-file seed-file key-file; do files+=("--$name=$folder/munge/${name%-file}"); done
  setsid setpriv --reuid=munge --regid=munge --clear-groups munged --foreground --force "${files[@]}" >"$folder/log/munged" 2>&1 &
  echo $! >"$folder/run/munged"
  for _ in $(seq 50); do [ -S "$folder/munge/socket" ] && return 0; sleep 0.2; done
  echo "munged did not come up: see $folder/log/munged"
  return 1
}

node() {
  local shared
  shared="$(cat "$folder/shared")"
  setsid unshare --kill-child --uts --mount --propagation private --pid --fork --mount-proc bash -c "
    hostname $1; mount --bind '$folder/hosts' /etc/hosts; bindfs '$shared' '$shared' -o nonempty
    slurmd -D -N $1 & wait" >>"$folder/log/$1.out" 2>&1 &
  echo $! >"$folder/run/$1"
}

up() {
  local shared="$1" port="$2" host
  host="$(hostname -s)"
  mkdir -p "$folder"/{state,log,run}
  echo "$shared" >"$folder/shared"
  { cat /etc/hosts; echo "127.0.0.1 node1 node2"; } >"$folder/hosts"
  munge
  cat >"$folder/slurm.conf" <<X
ClusterName=lab
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$port
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket=$folder/munge/socket,cred_expire=5
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
SlurmdTimeout=20
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool-%n
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd-%n.pid
SlurmctldLogFile=$folder/log/slurmctld
SlurmdLogFile=$folder/log/slurmd-%n
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SchedulerType=sched/backfill
SelectType=select/cons_tres
ReturnToService=2
JobRequeue=1
KillWait=10
NodeName=node1 NodeHostname=$host NodeAddr=127.0.0.1 Port=$((port + 1)) CPUs=2 RealMemory=8000 State=UNKNOWN
NodeName=node2 NodeHostname=$host NodeAddr=127.0.0.1 Port=$((port + 2)) CPUs=2 RealMemory=8000 State=UNKNOWN
PartitionName=all Nodes=node[1-2] Default=YES MaxTime=INFINITE State=UP
X
  chmod 755 "$folder"
  controller
  for _ in $(seq 50); do sinfo >/dev/null 2>&1 && break; sleep 0.2; done
  node node1
  node node2
  for _ in $(seq 60); do
    [ "$(sinfo -h -N -t idle 2>/dev/null | wc -l)" = 2 ] && return 0
    sleep 0.5
  done
  echo "the nodes did not come up: see $folder/log"
  return 1
}

down() {
  for name in node1 node2 controller munged; do
    [ -f "$folder/run/$name" ] && kill -9 "$(cat "$folder/run/$name")" 2>/dev/null || true
  done
}

"${@:2}"

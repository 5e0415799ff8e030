#!/bin/bash
# Starts a one-node Kubernetes, with CoreDNS, on this machine: in 10 s once the programs are built. Running it again does nothing.
# Prints the path of the kubeconfig. State and logs: $IMAGE_IMPORT_STATE. down.sh removes all of it.
. "$(dirname "$0")/lib.sh"
need_root
packages cluster image
"$E2E/cluster/tools.sh" kubernetes kubectl pause coredns
healthy() { local p; for p in "${PARTS[@]}"; do alive "$p" || return 1; done; "$BIN/kubectl" wait --for=condition=Ready node/node --timeout=5s >/dev/null 2>&1; }
healthy && { echo "$KUBECONFIG"; exit; }
"$E2E/cluster/down.sh" --keep-programs
busy=$(ss -Hltn "( sport = :2379 or sport = :2380 or sport = :6443 or sport = :10250 or sport = :10256 or sport = :10257 or sport = :10259 )" | awk '{print $4}' | xargs)
[ -z "$busy" ] || die "these ports are taken by other programs, perhaps another Kubernetes: $busy. Set KUBECONFIG and REGISTRY to use that cluster."

T=$SECONDS
say "starting Kubernetes $KUBERNETES_VERSION"
mkdir -p "$RUN" "$LOG" "$STATE"/{pki,etcd,kubelet,cni,containerd}
chmod 700 "$STATE/pki"
cd "$STATE"

# --- certificates
subject() { openssl req -newkey rsa:2048 -nodes -keyout "pki/$1.key" -subj "$2" 2>/dev/null; }
openssl genrsa -out pki/sa.key 2048 2>/dev/null; openssl rsa -in pki/sa.key -pubout -out pki/sa.pub 2>/dev/null
openssl req -x509 -newkey rsa:2048 -nodes -keyout pki/ca.key -out pki/ca.crt -subj /CN=image-import-test -days 90 2>/dev/null
cert() { subject "$1" "$2" | openssl x509 -req -CA pki/ca.crt -CAkey pki/ca.key -CAcreateserial -days 90 -out "pki/$1.crt" -extfile <(echo "subjectAltName=$3") 2>/dev/null; }
cert apiserver /CN=kube-apiserver "DNS:localhost,DNS:kubernetes.default.svc,IP:127.0.0.1,IP:10.96.0.1,IP:$NODE_IP"
cert admin /O=system:masters/CN=admin DNS:admin
cert node /O=system:nodes/CN=system:node:node DNS:node
cert kubelet /CN=node "DNS:node,IP:127.0.0.1,IP:$NODE_IP"
for user in admin node; do cat >"$user.kubeconfig" <<Y
apiVersion: v1
kind: Config
clusters: [{name: local, cluster: {server: https://127.0.0.1:6443, certificate-authority-data: $(base64 -w0 pki/ca.crt)}}]
users: [{name: $user, user: {client-certificate-data: $(base64 -w0 pki/$user.crt), client-key-data: $(base64 -w0 pki/$user.key)}}]
contexts: [{name: image-import, context: {cluster: local, user: $user}}]
current-context: image-import
Y
chmod 600 "$user.kubeconfig"; done

# --- network: an address for the node that pods can reach. Pods hang on routed links (CNI ptp), not on a bridge,
# so that all their traffic passes the node's packet filter and Services work without br_netfilter.
cat /proc/sys/net/ipv4/ip_forward >ip_forward.before
sysctl -qw net.ipv4.ip_forward=1
ip link add "$LINK" type bridge; ip addr add "$NODE_IP/32" dev "$LINK"; ip link set "$LINK" up
cat >cni/10-pods.conflist <<Y
{"cniVersion": "0.4.0", "name": "pods", "plugins": [
  {"type": "ptp", "ipMasq": false, "ipam": {"type": "host-local", "dataDir": "$RUN/cni", "ranges": [[{"subnet": "$POD_CIDR"}]], "routes": [{"dst": "0.0.0.0/0"}]}}]}
Y

# --- control plane
K=$BIN/kubernetes
start etcd "$K" etcd --data-dir etcd --listen-client-urls http://127.0.0.1:2379 --advertise-client-urls http://127.0.0.1:2379 \
  --listen-peer-urls http://127.0.0.1:2380 --unsafe-no-fsync --log-level warn
start apiserver "$K" apiserver --etcd-servers=http://127.0.0.1:2379 --service-cluster-ip-range=$SERVICE_CIDR --bind-address=0.0.0.0 \
  --advertise-address=$NODE_IP --secure-port=6443 --tls-cert-file=pki/apiserver.crt --tls-private-key-file=pki/apiserver.key \
  --client-ca-file=pki/ca.crt --service-account-key-file=pki/sa.pub --service-account-signing-key-file=pki/sa.key \
  --service-account-issuer=https://kubernetes.default.svc --authorization-mode=Node,RBAC --enable-admission-plugins=NodeRestriction \
  --allow-privileged=true --kubelet-client-certificate=pki/admin.crt --kubelet-client-key=pki/admin.key --kubelet-preferred-address-types=InternalIP
await apiserver 60 "API server" "$BIN/kubectl" get --raw /readyz
start controllers "$K" controllers --kubeconfig=admin.kubeconfig --service-account-private-key-file=pki/sa.key --root-ca-file=pki/ca.crt \
  --use-service-account-credentials=true --leader-elect=false --cluster-signing-cert-file=pki/ca.crt --cluster-signing-key-file=pki/ca.key
start scheduler "$K" scheduler --kubeconfig=admin.kubeconfig --leader-elect=false

# --- node. restrict_oom_score_adj: a sandbox without CAP_SYS_RESOURCE may not lower it, and runc would die.
cat >containerd.toml <<Y
version = 2
root = "$STATE/containerd/root"
state = "$STATE/containerd/state"
[grpc]
  address = "$RUN/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
  restrict_oom_score_adj = true
  sandbox_image = "localhost/pause:1"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "$STATE/cni"
Y
start containerd containerd --config containerd.toml
await containerd 30 "containerd" ctr version
REGISTRY='' "$E2E/cluster/image.sh" localhost/pause:1 "$BIN/pause" >/dev/null
cat >kubelet.yaml <<Y
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: $STATE/pki/ca.crt}}
authorization: {mode: Webhook}
address: 0.0.0.0
tlsCertFile: $STATE/pki/kubelet.crt
tlsPrivateKeyFile: $STATE/pki/kubelet.key
containerRuntimeEndpoint: unix://$RUN/containerd.sock
clusterDNS: [$NODE_IP]
clusterDomain: cluster.local
resolvConf: ""
cgroupDriver: cgroupfs
failCgroupV1: false
failSwapOn: false
makeIPTablesUtilChains: false
enforceNodeAllocatable: []
evictionHard: {memory.available: 50Mi}
imageGCHighThresholdPercent: 100
imageGCLowThresholdPercent: 99
Y
start kubelet "$K" kubelet --config kubelet.yaml --kubeconfig node.kubeconfig --hostname-override node --node-ip $NODE_IP --root-dir "$STATE/kubelet"
cat >proxy.yaml <<Y
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: iptables
clientConnection: {kubeconfig: $STATE/admin.kubeconfig}
clusterCIDR: $POD_CIDR
hostnameOverride: node
conntrack: {maxPerCore: 0, tcpEstablishedTimeout: 0s, tcpCloseWaitTimeout: 0s}
healthzBindAddress: 127.0.0.1:10256
metricsBindAddress: 127.0.0.1:10249
Y
start proxy "$K" proxy --config proxy.yaml

# --- names of Services. Every other name does not exist: nothing here leaves the machine.
cat >Corefile <<Y
cluster.local:53 {
  bind $NODE_IP
  kubernetes cluster.local {
    kubeconfig $STATE/admin.kubeconfig
  }
  errors
}
.:53 {
  bind $NODE_IP
  template ANY ANY . {
    rcode NXDOMAIN
  }
  errors
}
Y
start coredns "$BIN/coredns" -conf Corefile
await kubelet 60 "ready node" sh -c "'$BIN/kubectl' get node node -o jsonpath='{.status.conditions[?(@.type==\"Ready\")].status}' | grep -qx True"
await proxy 30 "Services" curl -sk --max-time 2 https://10.96.0.1/livez
await coredns 30 "cluster DNS" ss -Hltn "sport = :53 and src $NODE_IP"
await controllers 30 "default ServiceAccount" "$BIN/kubectl" get serviceaccount default
for part in "${PARTS[@]}"; do alive "$part" || { tail -20 "$LOG/$part.log" >&2; die "$part ended; the log is $LOG/$part.log"; }; done
took "Kubernetes is up" "$T"
echo "$KUBECONFIG"

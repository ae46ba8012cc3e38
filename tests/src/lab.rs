//! A small internet of network namespaces: a public network, where the broker and the relay are, and homes behind routers
//! that translate addresses or let little out.
//!
//! ```text
//! public 203.0.113.1 ──┬── router 203.0.113.11 ── home 10.1.0.2
//!                      └── router 203.0.113.12 ── home 10.2.0.2
//! ```
//!
//! A namespace lasts as long as the process that keeps it, so that nothing is left behind whatever way a test ends. Where we
//! are not root, all of them lie in a user namespace in which we are.

use std::io::Write as _;
use std::net::{Ipv4Addr, TcpListener};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};

use crate::process::Process;

/// The host of the broker and the relay, and the name by which homes know it.
pub const PUBLIC: (Ipv4Addr, &str) = (Ipv4Addr::new(203, 0, 113, 1), "meet.test");
/// The page's port there.
pub const PAGE_PORT: u16 = 8080;
/// How long a namespace, or a way into it, may take to come up.
const START: Duration = Duration::from_secs(60);

/// How a router translates addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nat {
    /// One outer port for an inner one, wherever it sends to: others can be told of it.
    Cone,
    /// Another outer port for each place that it sends to.
    Symmetric,
}

/// What a router lets out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Firewall {
    /// Everything.
    Open,
    /// No UDP.
    NoUdp,
    /// The page's port, and TCP to port 443.
    TlsOnly,
}

/// The network, with the public host in it.
pub struct Lab {
    public: Space,
    homes: u8,
}

/// Somebody's home, behind a router.
pub struct Home {
    number: u8,
    space: Space,
    router: Space,
    moved: AtomicBool,
}

/// What may happen to a home's way out.
#[derive(Clone, Copy)]
pub enum Fault<'a> {
    /// Nothing gets in or out.
    Cut,
    /// Nothing gets to this home or comes from it.
    Apart(&'a Home),
    /// Of so many percent of all UDP datagrams nothing is heard again, in either direction.
    Loss(u8),
}

/// A network namespace.
struct Space {
    keeper: Process,
    in_user_namespace: bool,
}

impl Lab {
    /// The public network.
    ///
    /// # Errors
    /// Namespaces can't be made here.
    pub async fn start() -> Result<Self> {
        let public = Space::start(unshare(), !is_root()).await?;
        let (address, _) = PUBLIC;
        // A relay that sends to where no way leads must get over it, and so must have a way that leads to nobody.
        public.run(&format!(
            "ip link set lo up
             ip link add name net0 type bridge
             ip addr add {address}/24 dev net0
             ip link set net0 up
             ip route add default via 203.0.113.254
             ip neigh add 203.0.113.254 lladdr 02:00:00:00:00:01 dev net0 nud permanent"
        ))?;
        Ok(Self { public, homes: 0 })
    }

    /// Why no network namespaces can be made on this machine, if so. Whatever else a lab lacks is a failure.
    pub fn impossible() -> Option<String> {
        match unshare().args(["--net", "--mount", "true"]).output() {
            Ok(output) if output.status.success() => None,
            Ok(output) => Some(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
            Err(error) => Some(format!("`unshare` can't be started: {error}")),
        }
    }

    /// One more home.
    ///
    /// # Errors
    /// It can't be made.
    pub async fn home(&mut self, nat: Nat, firewall: Firewall) -> Result<Home> {
        self.homes += 1;
        let number = self.homes;
        let router = self.public.another().await?;
        let space = self.public.another().await?;
        self.public.run(&format!(
            "ip link add name router{number} type veth peer name wan netns {}
             ip link set router{number} master net0 up",
            router.keeper.id()
        ))?;
        let masquerade = match nat {
            Nat::Cone => "masquerade",
            Nat::Symmetric => "masquerade fully-random",
        };
        let outward = match firewall {
            Firewall::Open => "iifname lan accept",
            Firewall::NoUdp => "iifname lan meta l4proto tcp accept",
            Firewall::TlsOnly => &format!("iifname lan tcp dport {{ 443, {PAGE_PORT} }} accept"),
        };
        router.run(&format!(
            "echo 1 >/proc/sys/net/ipv4/ip_forward
             ip link set lo up
             ip addr add 203.0.113.{}/24 dev wan
             ip link set wan up
             ip link add name lan type veth peer name eth0 netns {}
             ip addr add 10.{number}.0.1/24 dev lan
             ip link set lan up
             nft -f - <<'RULES'
             table ip nat {{
               chain out {{ type nat hook postrouting priority srcnat; oifname wan {masquerade}; }}
             }}
             table ip filter {{
               chain input {{ type filter hook input priority filter; policy drop; iifname lan accept; ct state established,related accept; }}
               chain forward {{ type filter hook forward priority filter; policy drop; {outward}; ct state established,related accept; }}
             }}
RULES",
            10 + number,
            space.keeper.id()
        ))?;
        space.run(&format!(
            "ip link set lo up
             ip addr add 10.{number}.0.2/24 dev eth0
             ip link set eth0 up
             ip route add default via 10.{number}.0.1"
        ))?;
        Ok(Home { number, space, router, moved: AtomicBool::new(false) })
    }

    /// A certificate of the public host that nobody has signed, and its key.
    ///
    /// # Errors
    /// The disk is full.
    pub fn certificate(&self) -> Result<[String; 2]> {
        let made = rcgen::generate_simple_self_signed([PUBLIC.1.to_owned()])?;
        let write = |name: &str, content: String| {
            let path = self.public.keeper.scratch().join(name);
            std::fs::write(&path, content)?;
            path.into_os_string().into_string().map_err(|path| anyhow!("{} is no text", path.display()))
        };
        Ok([write("chain.pem", made.cert.pem())?, write("key.pem", made.signing_key.serialize_pem())?])
    }

    /// A program on the public host.
    pub fn command(&self, program: &str) -> Command {
        self.public.command(program)
    }
}

impl Home {
    /// From now on.
    ///
    /// # Errors
    /// The router refuses.
    pub fn suffers(&self, fault: Fault<'_>) -> Result<()> {
        let rules = match fault {
            Fault::Cut => "drop;".to_owned(),
            Fault::Apart(other) => {
                let address = other.outer_address();
                format!("ip daddr {address} drop; ip saddr {address} drop;")
            }
            Fault::Loss(percent) => format!("meta l4proto udp numgen random mod 100 < {percent} drop;"),
        };
        self.router.run(&format!(
            "nft -f - <<'RULES'
             table ip fault {{
               chain forward {{ type filter hook forward priority -10; {rules} }}
             }}
RULES"
        ))
    }

    /// What it suffered is over.
    ///
    /// # Errors
    /// It suffered nothing.
    pub fn recovers(&self) -> Result<()> {
        self.router.run("nft delete table ip fault")
    }

    /// Has another address from now on, which it returns, as after a change from one network to another; the next time, its first one again.
    ///
    /// # Errors
    /// The kernel refuses.
    pub fn moves(&self) -> Result<String> {
        let number = self.number;
        let (old, new) = if self.moved.fetch_not(Ordering::Relaxed) { (3, 2) } else { (2, 3) };
        self.space.run(&format!(
            "ip addr del 10.{number}.0.{old}/24 dev eth0
             ip addr add 10.{number}.0.{new}/24 dev eth0
             ip route add default via 10.{number}.0.1"
        ))?;
        Ok(format!("10.{number}.0.{new}"))
    }

    /// Where the others see it.
    fn outer_address(&self) -> Ipv4Addr {
        Ipv4Addr::new(203, 0, 113, 10 + self.number)
    }

    /// A program at home.
    pub(crate) fn command(&self, program: &str) -> Command {
        self.space.command(program)
    }

    /// A port of this machine's loopback that leads to the same port of the home's.
    ///
    /// # Errors
    /// None is free, or what forwards does not start.
    pub(crate) async fn gate(&self) -> Result<Gate> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let port = listener.local_addr()?.port();
        let mut inner = self.space.command("node");
        inner.args(["-e", FORWARD, "gate", &port.to_string()]);
        let mut process = Process::start("gate", inner)?;
        let path = process.says(START, |line| line.strip_prefix("gate at ").map(str::to_owned)).await?;
        listener.set_nonblocking(true)?;
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let task = tokio::spawn(async move {
            while let Ok((mut outer, _)) = listener.accept().await {
                let path = path.clone();
                tokio::spawn(async move {
                    if let Ok(mut inner) = tokio::net::UnixStream::connect(&path).await {
                        let _ = tokio::io::copy_bidirectional(&mut outer, &mut inner).await;
                    }
                });
            }
        });
        Ok(Gate { port, task, _process: process })
    }
}

/// A way from this machine's loopback to a home's. Sockets of the file system know no network namespaces.
pub(crate) struct Gate {
    port: u16,
    task: tokio::task::JoinHandle<()>,
    _process: Process,
}

/// Forwards what comes to a socket in the file system to a port.
const FORWARD: &str = r#"
const net = require("net"), [, port] = process.argv.slice(1), path = `${process.env.TMPDIR}/gate`;
net.createServer({ allowHalfOpen: true }, (outer) => {
  const inner = net.connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  outer.on("error", () => inner.destroy()).pipe(inner);
  inner.on("error", () => outer.destroy()).pipe(outer);
}).listen(path, () => console.log(`gate at ${path}`));
"#;

impl Gate {
    pub(crate) fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Keeps a namespace in which the public host has a name, and in which whoever asks for others is refused at once. With a
/// full stop at its end too: so Chromium looks for relays.
const KEEP: &str = r#"
printf '127.0.0.1 localhost\n%s %s %s.\n' "$1" "$2" "$2" >"$TMPDIR/hosts"
printf 'nameserver 127.0.0.1\n' >"$TMPDIR/resolv.conf"
mount --bind "$TMPDIR/hosts" /etc/hosts
mount --bind "$TMPDIR/resolv.conf" /etc/resolv.conf
echo kept
exec sleep infinity
"#;

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// What makes namespaces.
fn unshare() -> Command {
    let mut command = Command::new("unshare");
    if !is_root() {
        command.args(["--user", "--map-root-user"]);
    }
    command
}

impl Space {
    /// `unshare` is asked for a network, and for mounts, which names hang on.
    async fn start(mut unshare: Command, in_user_namespace: bool) -> Result<Self> {
        let (address, name) = PUBLIC;
        unshare.args(["--net", "--mount", "sh", "-ec", KEEP, "sh", &address.to_string(), name]);
        let mut keeper = Process::start("a network namespace", unshare)?;
        keeper.says(START, |line| (line == "kept").then_some(())).await?;
        Ok(Self { keeper, in_user_namespace })
    }

    /// Another one, of the same owner.
    async fn another(&self) -> Result<Self> {
        let mut command = Command::new("unshare");
        if self.in_user_namespace {
            command = Command::new("nsenter");
            command.arg(format!("--target={}", self.keeper.id()));
            command.args(["--user", "--preserve-credentials", "unshare"]);
        }
        Self::start(command, self.in_user_namespace).await
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.arg(format!("--target={}", self.keeper.id()));
        if self.in_user_namespace {
            command.args(["--user", "--preserve-credentials"]);
        }
        command.args(["--net", "--mount", "--", program]);
        command
    }

    fn run(&self, script: &str) -> Result<()> {
        let mut command = self.command("sh");
        command.arg("-e").stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut shell = command.spawn().context("nsenter can't be started")?;
        shell.stdin.take().context("it was piped")?.write_all(script.as_bytes())?;
        let output = shell.wait_with_output()?;
        if !output.status.success() {
            bail!("a network can't be made: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(())
    }
}

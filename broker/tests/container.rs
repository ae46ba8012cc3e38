//! The container that `packaging` describes, built and run as the documentation says: by nobody, with no right, on a root that can't be
//! written to.
//!
//! A tested program is not static, as the one in a host's container is, so it is lent this machine's libraries. Where no container can
//! run at all, that is said and the test left out.

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use common::http::get;
use common::pebble::{Pebble, free_addresses};
use common::program::serving;
use common::tls::Visitor;
use common::{Client, PATIENCE, Room, Seat, TempFile, left_out};
use rustls::version::TLS13;
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// What it takes of a machine: no network and no accounting of its own, and no more files than a test may have.
const MODEST: [&str; 6] =
    ["--network=host", "--ulimit=nofile=1024:1024", "--ulimit=nproc=1024:1024", "--rm", "--pull=never", "--tty=false"];
/// What the documentation takes away from it, and where it keeps what it has.
const BOUND: [&str; 4] = ["--read-only", "--cap-drop=all", "--volume=klatch:/var/lib/klatch:U", "--name=klatch"];
/// What a program that is not static needs of this machine.
const LENT: [&str; 2] = ["--volume=/lib:/lib:ro", "--volume=/lib64:/lib64:ro"];
/// Copying a program that is not stripped into layers takes a while.
const BUILD_PATIENCE: Duration = Duration::from_secs(120);

/// Images, volumes and containers of a test alone, gone with it.
struct Engine {
    folder: PathBuf,
    runtime: &'static str,
}

impl Engine {
    /// One that can run something. Nothing where none can.
    async fn find() -> Option<Self> {
        let folder = PathBuf::from(TempFile::unused().path());
        let root = folder.join("root");
        fs::create_dir_all(&root).expect("a place for files");
        fs::copy(env!("CARGO_BIN_EXE_klatch"), root.join("klatch")).expect("a place for files");
        let mut engine = Self { folder, runtime: "" };
        let mut reasons = Vec::new();
        // Each has machines on which it alone runs.
        for runtime in ["crun", "runc"] {
            engine.runtime = runtime;
            let mut probe = engine.podman(&["run"]);
            probe.args(MODEST).args(LENT).arg("--rootfs").arg(&root).args(["/klatch", "--version"]);
            let probed = ended(probe).await;
            if probed.status.success() {
                return Some(engine);
            }
            reasons.push(String::from_utf8_lossy(&probed.stderr).trim().to_owned());
        }
        left_out(&format!("no container can run here: {}", reasons.join("; ")));
        None
    }

    fn podman(&self, arguments: &[&str]) -> Command {
        let mut podman = Command::new("podman");
        for (flag, folder) in [("--root", "store"), ("--runroot", "run"), ("--tmpdir", "tmp")] {
            podman.arg(flag).arg(self.folder.join(folder));
        }
        podman.args([
            "--storage-driver=vfs",
            "--cgroup-manager=cgroupfs",
            "--log-level=error",
            "--runtime",
            self.runtime,
        ]);
        podman.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        podman
    }

    /// The image, from a folder as `./build.sh dist` lays it out.
    async fn build(&self) {
        let folder = self.folder.join("dist");
        fs::create_dir(&folder).expect("a place for files");
        let above = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        fs::copy(env!("CARGO_BIN_EXE_klatch"), folder.join("klatch")).expect("a place for files");
        for name in ["packaging/Containerfile", "LICENSE-APACHE", "LICENSE-MIT"] {
            let file = above.join(name);
            fs::copy(&file, folder.join(file.file_name().expect("a name"))).expect("a place for files");
        }
        for gathered in ["THIRD-PARTY-LICENSES.txt", "THIRD-PARTY-LICENSES-RUST.html"] {
            fs::write(folder.join(gathered), "").expect("a place for files");
        }
        let mut build = self.podman(&["build", "--layers=false", "--tag=klatch"]);
        build.arg(&folder);
        let built = ended(build).await;
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    }

    /// Runs it with these settings of its environment and these flags, until it serves.
    async fn serve(&self, settings: &[String], flags: &[&str]) -> Child {
        let mut run = self.podman(&["run"]);
        run.args(MODEST).args(BOUND).args(LENT).args(settings).arg("klatch").args(flags);
        serving(run).await.0
    }

    /// What it may inside, as the kernel says.
    async fn status(&self) -> String {
        let pid = ended(self.podman(&["inspect", "--format={{.State.Pid}}", "klatch"])).await;
        let pid = String::from_utf8(pid.stdout).expect("text");
        fs::read_to_string(format!("/proc/{}/status", pid.trim())).expect("it runs")
    }

    /// Asks it to stop, and waits until it has.
    async fn stop(&self, mut child: Child) {
        let told = ended(self.podman(&["kill", "--signal=TERM", "klatch"])).await;
        assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
        let status = timeout(PATIENCE, child.wait()).await.expect("it stops in time").expect("it ran");
        assert!(status.success(), "{status}");
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        for removal in
            [&["rm", "--all", "--force"][..], &["volume", "rm", "--all", "--force"], &["rmi", "--all", "--force"]]
        {
            let _ = self.podman(removal).into_std().output();
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}

async fn ended(mut command: Command) -> Output {
    timeout(BUILD_PATIENCE, command.output())
        .await
        .expect("in time")
        .expect("podman: `./build.sh test all` installs it")
}

#[tokio::test]
#[ignore = "runs a container with podman, which `./build.sh test all` installs"]
async fn in_a_container_it_is_nobody_keeps_its_rooms_and_stops_when_it_is_told() {
    let Some(engine) = Engine::find().await else { return };
    engine.build().await;
    let [address] = free_addresses();
    let settings = [format!("--env=KLATCH_LISTEN={address}")];
    let state = ["--state", "/var/lib/klatch/rooms.klatch"];
    let child = engine.serve(&settings, &state).await;
    let health = get(address, "/healthz", &[]).await;
    assert_eq!((health.status, health.text().trim()), (200, "ok"));

    let status = engine.status().await;
    let line = |key: &str| status.lines().find_map(|line| line.strip_prefix(key)).expect(key).split_whitespace();
    assert!(
        ["CapEff:", "CapPrm:", "CapBnd:"].iter().all(|set| line(set).all(|set| set.bytes().all(|digit| digit == b'0'))),
        "{status}"
    );
    assert!(["Uid:", "Gid:"].iter().all(|ids| line(ids).all(|id| id != "0")), "{status}");

    let room = Room::new();
    let mut client = Client::connect(&format!("ws://{address}/ws/{}", room.keys.id())).await;
    client.create(&room, &Seat::new(&room, "Ana")).await.expect("a room");
    engine.stop(child).await;
    let child = engine.serve(&settings, &state).await;
    assert!(Client::connect(&format!("ws://{address}/ws")).await.finds(&room).await, "the volume has it");
    engine.stop(child).await;
}

#[tokio::test]
#[ignore = "runs a container with podman, which `./build.sh test all` installs"]
async fn in_a_container_a_certificate_is_obtained_and_kept_in_the_volume() {
    let Some(engine) = Engine::find().await else { return };
    let Some(mut pebble) = Pebble::start(86_400).await else { return };
    engine.build().await;
    let (address, root) = (pebble.looks_at, pebble.certificate.chain.path());
    let settings = [format!("--env=KLATCH_LISTEN={address}"), format!("--volume={root}:/directory.pem:ro")];
    let directory = pebble.directory.clone();
    let acme = ["--acme", "localhost", "--acme-directory", &directory, "--acme-ca", "/directory.pem"];
    let child = engine.serve(&settings, &acme).await;
    let visitor = Visitor::new(&pebble.root().await, &[], &[&TLS13]);
    let shown = async || {
        let stream = visitor.connect(address).await.expect("a trusted connection");
        stream.get_ref().1.peer_certificates().expect("shown").to_vec()
    };
    let first = shown().await;
    engine.stop(child).await;
    // Nobody could be asked for another.
    pebble.stop().await;
    let child = engine.serve(&settings, &acme).await;
    assert_eq!(shown().await, first);
    engine.stop(child).await;
}

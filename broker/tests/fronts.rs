//! Real proxies in front, each with the very file that `packaging` holds for it, its addresses replaced: what nginx and Caddy let
//! through, and whom the broker takes for whom.

mod common;

use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use common::http::{Answer, get};
use common::pebble::free_addresses;
use common::program::start;
use common::tls::Certificate;
use common::{Client, PATIENCE, Room, Seat, TempFile};
use klatch_shared::wire::Event;
use tokio::net::{TcpSocket, TcpStream};
use tokio::process::{Child, Command};
use tokio::time::timeout;
use tokio_tungstenite::Connector;
use tokio_tungstenite::tungstenite::Error;

/// What is of one connection or one moment, and what proxies say of themselves.
const NOT_OURS: [&str; 7] = ["alt-svc", "connection", "date", "keep-alive", "server", "transfer-encoding", "upgrade"];

/// A broker with a proxy in front of it.
struct Front {
    certificate: Certificate,
    at: SocketAddr,
    broker: SocketAddr,
    url: String,
    folder: PathBuf,
    klatch: Child,
    _proxy: Child,
}

/// How a proxy is started in a folder of its own, with the file for it, at an address for HTTPS and one for HTTP.
type Proxy = fn(&Path, String, [SocketAddr; 2], &Certificate) -> Command;

impl Front {
    /// With at most two connections from an address.
    async fn start(example: &str, proxy: Proxy) -> Self {
        let (certificate, [https, http, broker]) = (Certificate::new(), free_addresses());
        let (url, listen) = (format!("https://localhost:{}", https.port()), broker.to_string());
        let limit = "connections-per-address=2";
        let flags = ["--listen", &listen, "--public-url", &url, "--trusted-proxy", "127.0.0.1", "--limit", limit];
        let (klatch, _) = start(&flags).await;

        let folder = PathBuf::from(TempFile::unused().path());
        fs::create_dir(&folder).expect("a place for files");
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../packaging").join(example);
        let file = fs::read_to_string(file).expect("it is there").replace("127.0.0.1:8080", &listen);
        let mut proxy = proxy(&folder, file, [https, http], &certificate);
        let log = fs::File::create(folder.join("proxy.log")).expect("a place for files");
        let proxy = proxy.stdin(Stdio::null()).stderr(log).kill_on_drop(true).spawn();
        let proxy = proxy.expect("it is installed: `./build.sh test all` does that");
        let serves = async {
            while TcpStream::connect(https).await.is_err() {
                tokio::task::yield_now().await;
            }
        };
        timeout(PATIENCE, serves).await.expect("it serves in time");
        Self { certificate, at: https, broker, url, folder, klatch, _proxy: proxy }
    }

    async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.certificate.trusting(&[b"http/1.1"]).get(self.at, path, headers).await
    }

    /// Somebody of this address opens a room's socket as a page does, and says this of themselves besides.
    async fn come(&self, from: [u8; 4], room: &Room, said: &[(&'static str, &str)]) -> Result<Client, Error> {
        let socket = TcpSocket::new_v4()?;
        socket.bind((IpAddr::from(from), 0).into())?;
        let stream = socket.connect(self.at).await?;
        let connector = Connector::Rustls(self.certificate.trusting(&[b"http/1.1"]).0);
        let url = format!("{}/ws/{}", self.url.replace("https", "wss"), room.keys.id());
        Client::connect_over(stream, connector, &url, &[&[("origin", &*self.url)], said].concat()).await
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn nginx(folder: &Path, example: String, [https, http]: [SocketAddr; 2], certificate: &Certificate) -> Command {
    let site = example
        .replace("klatch.example;", "localhost;")
        .replace("/var/log/nginx/error.log", "site.log")
        .replace("listen 443 ", &format!("listen {https} "))
        .replace("listen [::]:443 ", &format!("listen [::1]:{} ", https.port()))
        .replace("listen 80;", &format!("listen {http};"))
        .replace("listen [::]:80;", &format!("listen [::1]:{};", http.port()))
        .replace("/etc/letsencrypt/live/klatch.example/fullchain.pem", certificate.chain.path())
        .replace("/etc/letsencrypt/live/klatch.example/privkey.pem", certificate.key.path());
    // What Debian's own file has around a site, as far as it matters here.
    let temporary =
        ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(|kind| format!("{kind}_temp_path {kind};\n"));
    let whole = format!(
        "daemon off;\nmaster_process off;\npid nginx.pid;\nerror_log stderr notice;\nevents {{}}\nhttp {{\ngzip on;\n{}{site}}}\n",
        temporary.concat()
    );
    fs::write(folder.join("nginx.conf"), whole).expect("a place for files");
    let mut nginx = Command::new("nginx");
    nginx.arg("-p").arg(folder).args(["-e", "stderr", "-c", "nginx.conf"]);
    nginx
}

fn caddy(folder: &Path, example: String, [https, _]: [SocketAddr; 2], certificate: &Certificate) -> Command {
    let (chain, key) = (certificate.chain.path(), certificate.key.path());
    let site = format!("https://localhost:{} {{\n\tbind 127.0.0.1\n\ttls {chain} {key}\n", https.port());
    let whole = example.replace("klatch.example {", &site).replacen(
        "\n{\n",
        "\n{\n\tadmin off\n\tauto_https disable_redirects\n",
        1,
    );
    fs::write(folder.join("Caddyfile"), whole).expect("a place for files");
    let mut caddy = Command::new("caddy");
    caddy.args(["run", "--adapter", "caddyfile", "--config"]).arg(folder.join("Caddyfile"));
    caddy.env("XDG_CONFIG_HOME", folder).env("XDG_DATA_HOME", folder);
    caddy
}

fn ours(answer: &Answer) -> (u16, Vec<(String, String)>) {
    let mut headers = answer.headers.clone();
    headers.retain(|(name, _)| !NOT_OURS.contains(&name.as_str()));
    headers.sort();
    (answer.status, headers)
}

/// Every answer is the broker's own, no header lost and none said twice, and no proxy says its version.
async fn answers_are_as_the_broker_gave_them(front: &Front) {
    let page = get(front.broker, "/", &[]).await;
    let style = page.text().split('"').find(|part| part.ends_with(".css")).unwrap_or("/").to_owned();
    let tag = page.header("etag").expect("it has one").to_owned();
    // A proxy may compress for whoever says nothing of it, which no browser does.
    for (path, coding, known) in [
        ("/", "identity", None),
        ("/", "br", None),
        ("/", "gzip", None),
        ("/", "br", Some(&*tag)),
        ("/r/anything", "br", None),
        (&style, "gzip, br", None),
        ("/healthz", "br", None),
        ("/robots.txt", "br", None),
        ("/nothing", "br", None),
        ("/ws", "br", None),
    ] {
        let mut asked = vec![("accept-encoding", coding)];
        asked.extend(known.map(|tag| ("if-none-match", tag)));
        let through = front.get(path, &asked).await;
        asked.push(("x-forwarded-proto", "https"));
        let direct = get(front.broker, path, &asked).await;
        assert_eq!(ours(&through), ours(&direct), "{path} {asked:?}");
        assert!(through.body == direct.body, "{path} {asked:?}");
        assert!(through.header("strict-transport-security").is_some(), "{path}");
        assert!(through.header("server").is_none_or(|server| !server.contains('/')), "{:?}", through.header("server"));
    }
}

async fn members_meet(front: &Front) {
    let (room, protocols) = (Room::new(), [&b"h2"[..]]);
    let page = front.certificate.trusting(&protocols).connect(front.at).await.expect("a connection");
    assert_eq!(page.get_ref().1.alpn_protocol(), Some(&b"h2"[..]), "pages come over HTTP/2");
    let (ana, bo) = (Seat::new(&room, "Ana"), Seat::new(&room, "Bo"));
    let mut ana_client = front.come([127, 0, 0, 2], &room, &[]).await.expect("a connection");
    let mut bo_client = front.come([127, 0, 0, 3], &room, &[]).await.expect("a connection");
    ana_client.create(&room, &ana).await.expect("a room");
    bo_client.join(&room, &bo).await.expect("a seat");
    assert!(matches!(ana_client.event().await, Event::Joined(_)));
    bo_client.offer(&ana, 1).await.expect("it is passed on");
    assert!(matches!(ana_client.event().await, Event::Offer { .. }));
}

/// Each client has places of its own, and has no more by what it says of itself.
async fn clients_are_told_apart_by_the_proxy_alone(front: &Front) {
    let (room, mut inside) = (Room::new(), Vec::new());
    let forged = [&[][..], &[("x-forwarded-for", "203.0.113.9")], &[("x-forwarded-for", "203.0.113.9, 127.0.0.1")]];
    for from in [[127, 0, 0, 4], [127, 0, 0, 5]] {
        for said in &forged[..2] {
            inside.push(front.come(from, &room, said).await.expect("a place"));
        }
        for said in forged {
            let Err(Error::Http(refused)) = front.come(from, &room, said).await else { panic!("{said:?} came in") };
            assert_eq!(refused.status(), 429, "{said:?}");
        }
    }
    // Who came as somebody else would have taken their places.
    let victim = [("x-forwarded-for", "203.0.113.9")];
    let ws = format!("ws://{}/ws/{}", front.broker, room.keys.id());
    for _ in 0..2 {
        inside.push(Client::try_connect(&ws, &victim).await.expect("a place"));
    }
}

/// Where a request can't be passed on nobody writes down whose it was, and for which room.
async fn while_there_is_no_broker_nothing_is_written_of_who_comes(mut front: Front) {
    let room = Room::new();
    front.klatch.kill().await.expect("it ran");
    let refused = front.get(&format!("/ws/{}", room.keys.id()), &[]).await;
    assert_eq!(refused.status, 502);
    let mut log = fs::read_to_string(front.folder.join("proxy.log")).expect("it is there");
    assert!(!log.is_empty(), "what else it says is there");
    log += &fs::read_to_string(front.folder.join("site.log")).unwrap_or_default();
    assert!(!log.contains(&room.keys.id().to_string()) && !log.contains("/ws/"), "{log}");
}

#[tokio::test]
#[ignore = "starts nginx, which `./build.sh test all` installs"]
async fn behind_nginx_all_is_as_without_it() {
    let front = Front::start("nginx.conf", nginx).await;
    answers_are_as_the_broker_gave_them(&front).await;
    members_meet(&front).await;
    clients_are_told_apart_by_the_proxy_alone(&front).await;
    while_there_is_no_broker_nothing_is_written_of_who_comes(front).await;
}

#[tokio::test]
#[ignore = "starts Caddy, which `./build.sh test all` installs"]
async fn behind_caddy_all_is_as_without_it() {
    let front = Front::start("Caddyfile", caddy).await;
    answers_are_as_the_broker_gave_them(&front).await;
    members_meet(&front).await;
    clients_are_told_apart_by_the_proxy_alone(&front).await;
    while_there_is_no_broker_nothing_is_written_of_who_comes(front).await;
}

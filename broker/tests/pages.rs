//! The page and its files over HTTP. Holds for the real page and for the placeholder of a checkout without one.

mod common;

use common::Broker;
use common::http::{Answer, get, raw, request};

/// The files that the page mentions.
fn files(page: &Answer) -> Vec<String> {
    // Quoted in scripts; in attributes, Trunk leaves the quotes out where it can.
    let words = page.text().split(|c: char| !c.is_ascii_alphanumeric() && !"/._-".contains(c));
    let is_file = |word: &&str| {
        let name = word.strip_prefix('/').and_then(|name| name.rsplit_once('.'));
        name.is_some_and(|(stem, extension)| !stem.is_empty() && !stem.contains('/') && !extension.is_empty())
    };
    let mut files: Vec<_> = words.filter(is_file).map(str::to_owned).collect();
    files.sort();
    files.dedup();
    files
}

#[tokio::test]
async fn the_page_is_the_same_for_any_room() {
    let broker = Broker::start(&[]).await;
    let home = get(broker.address(), "/", &[]).await;
    assert_eq!(home.status, 200);
    assert_eq!(home.header("content-type"), Some("text/html; charset=utf-8"));
    assert!(home.text().contains("<title>"));
    for path in ["/r/anything", "/r/6ba7b810-9dad-81d1-80b4-00c04fd430c8", "/r/%F0%9F%8D%95", "/?x=1", "/r/a?b=c"] {
        let page = get(broker.address(), path, &[]).await;
        assert_eq!((page.status, &page.body), (200, &home.body), "{path}");
    }
}

#[tokio::test]
async fn anything_else_is_not_found() {
    let broker = Broker::start(&[]).await;
    for path in [
        "/r",
        "/r/",
        "/r/a/b",
        "/index.html",
        "/nothing",
        "/../Cargo.toml",
        "/..%2f..%2fetc/passwd",
        "/r/../../etc/passwd/x",
        "//etc/passwd",
        "/ws/",
        "/ws/no-room",
        "/healthz/",
        "/%00",
        "/.env",
        "/wsx",
    ] {
        let answer = get(broker.address(), path, &[]).await;
        assert_eq!(answer.status, 404, "{path}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
    }
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "BREW"] {
        assert_eq!(request(broker.address(), method, "/", &[]).await.status, 404, "{method}");
    }
}

#[tokio::test]
async fn what_asks_for_no_path_is_not_found_and_who_asks_for_a_tunnel_gets_none() {
    let broker = Broker::start(&["--limit", "header-seconds=1"]).await;
    for line in ["CONNECT a:1", "CONNECT 127.0.0.1:1", "GET @x", "GET a:1", "OPTIONS *", "GET http://a.example/nothing"]
    {
        let request = format!("{line} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\nGET /healthz HTTP/1.1\r\n\r\n");
        let answer = raw(broker.address(), request.as_bytes()).await.expect(line);
        assert_eq!((answer.status, answer.text()), (404, "There is nothing here.\n"), "{line}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{line}");
    }
    let tunnel = raw(broker.address(), b"CONNECT a:1 HTTP/1.1\r\nhost: a\r\n\r\n").await;
    assert_eq!(tunnel.map(|answer| answer.status), Some(404), "nobody has to ask for the end");
    let home = raw(broker.address(), b"GET http://a.example HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await;
    assert_eq!(home.map(|answer| answer.status), Some(200), "a URL without a path is that of the page");
}

#[tokio::test]
async fn every_file_of_the_page_is_there_typed_and_kept_for_ever_if_hashed() {
    let broker = Broker::start(&[]).await;
    let page = get(broker.address(), "/", &[]).await;
    let files = files(&page);
    if page.text().contains("<script") {
        for extension in ["js", "css", "wasm"] {
            assert!(files.iter().any(|file| file.ends_with(&format!(".{extension}"))), "{extension} of {files:?}");
        }
    }
    for path in files {
        let file = get(broker.address(), &path, &[]).await;
        assert_eq!(file.status, 200, "{path}");
        let (_, extension) = path.rsplit_once('.').expect("a file");
        let wanted = match extension {
            "js" => "text/javascript; charset=utf-8",
            "css" => "text/css; charset=utf-8",
            "wasm" => "application/wasm",
            "svg" => "image/svg+xml",
            "webmanifest" => "application/manifest+json; charset=utf-8",
            _ => continue,
        };
        assert_eq!(file.header("content-type"), Some(wanted), "{path}");
        if path.contains('-') {
            assert_eq!(file.header("cache-control"), Some("max-age=31536000, immutable"), "{path}");
        } else {
            assert_eq!(file.header("cache-control"), Some("no-cache"), "{path}");
        }
    }
}

#[tokio::test]
async fn what_the_browser_has_is_not_sent_again() {
    let broker = Broker::start(&[]).await;
    let page = get(broker.address(), "/", &[]).await;
    let tag = page.header("etag").expect("a tag");
    assert!(tag.starts_with("W/\"") && page.header("cache-control") == Some("no-cache"));
    let again = get(broker.address(), "/r/room", &[("if-none-match", tag)]).await;
    assert_eq!((again.status, again.body.len()), (304, 0));
    assert_eq!((again.header("etag"), again.header("vary")), (Some(tag), Some("accept-encoding")));
    let other = get(broker.address(), "/", &[("if-none-match", "\"other\"")]).await;
    assert_eq!(other.status, 200);
}

#[tokio::test]
async fn the_smallest_encoding_that_the_browser_takes_is_sent() {
    let broker = Broker::start(&[]).await;
    let plain = get(broker.address(), "/", &[]).await;
    assert_eq!(plain.header("content-encoding"), None);
    for (accept, wanted) in [("gzip, deflate, br, zstd", "br"), ("gzip", "gzip"), ("br;q=0, gzip", "gzip")] {
        let small = get(broker.address(), "/", &[("accept-encoding", accept)]).await;
        assert_eq!(small.header("content-encoding"), Some(wanted), "{accept}");
        assert_eq!(small.header("vary"), Some("accept-encoding"));
        assert!(small.body.len() < plain.body.len());
    }
    assert_eq!(get(broker.address(), "/", &[("accept-encoding", "identity")]).await.body, plain.body);
}

#[tokio::test]
async fn head_says_how_long_the_answer_would_be_and_sends_none_of_it() {
    let broker = Broker::start(&[]).await;
    for path in ["/", "/r/room", "/healthz", "/robots.txt", "/nothing"] {
        let whole = get(broker.address(), path, &[]).await;
        let head = request(broker.address(), "HEAD", path, &[]).await;
        assert_eq!((head.status, head.body.len()), (whole.status, 0), "{path}");
        assert_eq!(head.header("content-length"), Some(&*whole.body.len().to_string()), "{path}");
        assert_eq!(head.header("content-type"), whole.header("content-type"), "{path}");
    }
}

#[tokio::test]
async fn every_answer_carries_the_strict_headers() {
    let broker = Broker::start(&[]).await;
    for path in ["/", "/r/room", "/healthz", "/robots.txt", "/nothing", "/ws", "/ws/no-room"] {
        let answer = get(broker.address(), path, &[]).await;
        let csp = answer.header("content-security-policy").expect("a policy");
        for directive in [
            "default-src 'none'",
            "style-src 'self'",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        ] {
            assert!(csp.split("; ").any(|known| known == directive), "{path}: {directive} in {csp}");
        }
        assert!(!csp.contains("unsafe-inline") && !csp.contains("'unsafe-eval'"), "{csp}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"), "{path}");
        assert_eq!(answer.header("x-robots-tag"), Some("noindex"), "{path}");
        assert_eq!(answer.header("cross-origin-opener-policy"), Some("same-origin"), "{path}");
        assert_eq!(answer.header("cross-origin-resource-policy"), Some("same-origin"), "{path}");
        assert_eq!((answer.header("server"), answer.header("x-powered-by")), (None, None), "{path}");
        assert!(answer.header("permissions-policy").is_some_and(|policy| policy.contains("microphone=(self)")));
    }
}

#[tokio::test]
async fn files_of_the_page_run_nothing_by_themselves() {
    let broker = Broker::start(&[]).await;
    let page = get(broker.address(), "/", &[]).await;
    let file =
        page.text().split(['"', '\'', ' ', '=', '>']).find(|part| part.ends_with(".css")).expect("styles").to_owned();
    let answer = get(broker.address(), &file, &[]).await;
    let policy = "default-src 'none'; frame-ancestors 'none'";
    assert_eq!((answer.status, answer.header("content-security-policy")), (200, Some(policy)));
    assert_eq!(answer.header("permissions-policy"), Some("camera=()"));
    assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
    assert_eq!(answer.header("cross-origin-opener-policy"), Some("same-origin"));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(answer.header("cross-origin-resource-policy"), Some("same-origin"));
}

#[tokio::test]
async fn it_says_that_it_is_well_and_that_robots_may_go() {
    let broker = Broker::start(&[]).await;
    let health = get(broker.address(), "/healthz", &[]).await;
    assert_eq!((health.status, health.text()), (200, "ok"));
    let robots = get(broker.address(), "/robots.txt", &[]).await;
    assert_eq!(robots.text(), "User-agent: *\nDisallow: /\n");
    assert_eq!(robots.header("content-type"), Some("text/plain; charset=utf-8"));
}

#[tokio::test]
async fn what_is_no_websocket_is_told_what_it_should_be() {
    let broker = Broker::start(&[]).await;
    let plain = get(broker.address(), "/ws", &[]).await;
    assert_eq!((plain.status, plain.header("sec-websocket-version")), (426, Some("13")));
    let whole = [
        ("upgrade", "websocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("sec-websocket-protocol", "klatch.v1"),
    ];
    let upgrade = |skipped: &str, other: Option<(&'static str, &'static str)>| {
        let fields = whole.iter().filter(|(name, _)| *name != skipped).chain(other.as_ref());
        let fields: String = fields.map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        format!("GET /ws HTTP/1.1\r\nhost: x\r\nconnection: upgrade, close\r\n{fields}\r\n")
    };
    for (skipped, other, status) in [
        ("sec-websocket-protocol", None, 400),
        ("sec-websocket-protocol", Some(("sec-websocket-protocol", "klatch.v9")), 400),
        ("sec-websocket-key", None, 400),
        ("sec-websocket-key", Some(("sec-websocket-key", "short")), 400),
        ("sec-websocket-version", Some(("sec-websocket-version", "8")), 426),
        ("upgrade", None, 426),
    ] {
        let request = upgrade(skipped, other);
        let answer = raw(broker.address(), request.as_bytes()).await.expect("an answer");
        assert_eq!(answer.status, status, "{request}");
    }
}

#[tokio::test]
async fn what_is_no_http_is_refused_and_what_is_too_large_too() {
    let broker = Broker::start(&["--limit", "header-seconds=1"]).await;
    let large = format!("GET / HTTP/1.1\r\nx: {}\r\n\r\n", "x".repeat(100_000));
    let whole = "GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n";
    for (request, status) in [("\x16\x03\x01\x02\x00\r\n\r\n", 400), ("GET / HTTP/9\r\n\r\n", 400), (&large, 431)] {
        let answer = raw(broker.address(), request.as_bytes()).await.expect("an answer");
        assert_eq!((answer.status, answer.header("content-type")), (status, Some("text/plain; charset=utf-8")));
        assert_eq!(answer.header("content-security-policy"), Some("default-src 'none'; frame-ancestors 'none'"));
        for name in STRICT {
            assert!(answer.header(name).is_some(), "{name} of {answer:?}");
        }
        assert!(answer.header("server").is_none() && answer.text().ends_with(".\n"), "{answer:?}");
        let second = raw(broker.address(), [whole, request].concat().as_bytes()).await.expect("an answer");
        let (first, second) = second.text().split_at("ok".len());
        assert!(first == "ok" && second.starts_with(&format!("HTTP/1.1 {status} ")), "{second}");
        assert!(STRICT.iter().all(|name| second.contains(&format!("\r\n{name}: "))), "{second}");
    }
    assert!(raw(broker.address(), b"GET / HTTP/1.1\r\n").await.is_none(), "who never ends a header is let go");
    assert!(raw(broker.address(), b"").await.is_none(), "who says nothing is let go");
    assert_eq!(get(broker.address(), "/healthz", &[]).await.status, 200);
}

/// What answers carry that are no pages, beside a policy that lets nothing run.
const STRICT: [&str; 5] = [
    "x-content-type-options",
    "referrer-policy",
    "permissions-policy",
    "cross-origin-opener-policy",
    "cross-origin-resource-policy",
];

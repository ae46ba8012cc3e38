//! Behind a proxy: who is told apart, and who is not believed.

mod common;

use common::http::get;
use common::{Broker, Client, Room};
use tokio_tungstenite::tungstenite::Error;

async fn come(broker: &Broker, from: &str) -> Result<Client, Error> {
    Client::try_connect(&broker.room_url(&Room::new()), &[("x-forwarded-for", from)]).await
}

#[tokio::test]
async fn whom_a_trusted_proxy_brings_has_a_bound_of_their_own() {
    let broker = Broker::start(&["--trusted-proxy", "127.0.0.0/8", "--limit", "connections-per-address=2"]).await;
    let mut inside = Vec::new();
    for from in ["192.0.2.1", "192.0.2.1", "192.0.2.2", "2001:db8:1:2::1", "192.0.2.9, [2001:db8:1:2::9]:80"] {
        inside.push(come(&broker, from).await.expect(from));
    }
    for from in ["192.0.2.1", "9.9.9.9, 192.0.2.1, 127.0.0.5", "2001:db8:1:2::7"] {
        let Err(Error::Http(refused)) = come(&broker, from).await else { panic!("{from} came in") };
        assert_eq!(refused.status(), 429, "{from}");
    }
    inside.remove(0).socket.close(None).await.expect("a goodbye");
    // Their place is theirs again once the broker has seen them go.
    let again = async {
        while come(&broker, "192.0.2.1").await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(common::PATIENCE, again).await.expect("a place");
}

#[tokio::test]
async fn a_forged_header_gives_nobody_another_address() {
    let broker = Broker::start(&["--trusted-proxy", "192.0.2.0/24", "--limit", "connections-per-address=2"]).await;
    let (_one, _two) = (come(&broker, "192.0.2.1").await.expect("a place"), come(&broker, "192.0.2.2").await);
    assert!(come(&broker, "192.0.2.3").await.is_err());
}

#[tokio::test]
async fn a_trusted_proxy_says_what_came_by_tls() {
    const TLS_ALONE: &str = "strict-transport-security";
    for (trusted, proto, is_secure) in
        [("127.0.0.1", "https", true), ("127.0.0.1", "http", false), ("::1", "https", false)]
    {
        let broker = Broker::start(&["--trusted-proxy", trusted]).await;
        let answer = get(broker.address(), "/", &[("x-forwarded-proto", proto)]).await;
        assert_eq!(answer.header(TLS_ALONE).is_some(), is_secure, "{trusted} {proto}");
    }
}

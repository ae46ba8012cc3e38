//! Which pages may connect.

mod common;

use common::{Broker, Client, Room};
use tokio_tungstenite::tungstenite;

async fn admits(broker: &Broker, origin: &str) -> bool {
    let url = broker.room_url(&Room::new());
    match Client::try_connect(&url, &[("origin", origin)]).await {
        Ok(_) => true,
        Err(tungstenite::Error::Http(response)) => {
            assert_eq!(response.status(), 403, "{origin}");
            false
        }
        Err(error) => panic!("{origin}: {error}"),
    }
}

#[tokio::test]
async fn the_brokers_own_page_is_let_in_and_others_are_not() {
    let broker =
        Broker::start(&["--public-url", "https://meet.example", "--allow-origin", "http://dev.example:8081"]).await;
    let port = broker.address().port();
    for origin in ["https://meet.example", "http://dev.example:8081"] {
        assert!(admits(&broker, origin).await, "{origin}");
    }
    for host in ["localhost", "127.0.0.1", "[::1]"] {
        assert!(admits(&broker, &format!("http://{host}:{port}")).await, "{host}");
    }
    for origin in ["https://evil.example", "http://localhost:1", "null", "", "http://meet.example", "file://"] {
        assert!(!admits(&broker, origin).await, "{origin}");
    }
}

#[tokio::test]
async fn behind_a_wildcard_each_address_of_this_machine_is_let_in() {
    let broker = Broker::start(&["--listen", "0.0.0.0:0"]).await;
    let port = broker.server.addresses[1].port();
    assert!(admits(&broker, &format!("http://127.0.0.3:{port}")).await);
    assert!(!admits(&broker, &format!("http://192.0.2.55:{port}")).await);
}

#[tokio::test]
async fn who_sends_no_origin_is_no_browser() {
    let broker = Broker::start(&[]).await;
    Client::connect(&broker.room_url(&Room::new())).await;
}

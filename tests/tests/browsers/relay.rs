//! Credentials for relays as a page keeps them: renewed before they end, and fresh for each new allocation.

use anyhow::{Result, ensure};
use klatch_tests::page::PATIENCE;
use klatch_tests::{Kind, Person, play, wait};

/// Has what is renewed every four minutes renewed every second; writes down which user names the broker gave, and which of them
/// connections were told to gather candidates with.
const WATCH: &str = r#"() => {
    const { setInterval } = window;
    window.setInterval = (act, pause, ...rest) => setInterval(act, pause === 240_000 ? 1_100 : pause, ...rest);
    const given = (window.__given = []);
    window.WebSocket = new Proxy(WebSocket, {
        construct(target, args) {
            const socket = new target(...args);
            socket.addEventListener("message", ({ data }) => given.push(...(data.match(/(?<="username":")[^"]+/g) ?? [])));
            return socket;
        },
    });
    window.__used = -1;
    if (!window.RTCPeerConnection) return;
    const { setConfiguration } = RTCPeerConnection.prototype;
    RTCPeerConnection.prototype.setConfiguration = function (configuration) {
        window.__used = given.indexOf(configuration.iceServers[0]?.username);
        return setConfiguration.call(this, configuration);
    };
}"#;

#[test]
fn credentials_are_renewed_and_each_gathering_has_the_latest() {
    play(async |scene| {
        // Nothing listens there, and any text is a secret: which credentials are used is all that matters.
        let secret = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
        let flags = ["--ice-server", "turn:127.0.0.1:9", "--ice-secret-file", secret];
        let broker = scene.broker(&flags).await?;
        for kind in [Kind::Chromium, Kind::Firefox] {
            let ana = scene.person(kind, "Ana").await?;
            ana.page().prepare(WATCH).await?;
            let link = ana.creates(&broker, "Sunday breakfast").await?;
            let since = gets_others(&ana).await?;
            let bo = scene.person(Kind::Chromium, "Bo").await?;
            bo.accepts(&link).await?;
            ana.is_connected_to("Bo").await?;
            ensure!(ana.page().number("window.__used").await? >= since, "a connection was made with older credentials");

            let since = gets_others(&ana).await?;
            ana.seems_cut_off().await?;
            wait::until("candidates to be gathered anew with fresh credentials", PATIENCE, async || {
                Ok((ana.page().number("window.__used").await? >= since).then_some(()))
            })
            .await?;
            ana.seems_back().await?;
            ana.is_connected_to("Bo").await?;
            ana.hears(1).await?;
            bo.leaves().await?;
        }
        Ok(())
    });
}

/// Waits for the next credentials, and gives their number.
async fn gets_others(person: &Person) -> Result<f64> {
    let before = person.page().number("new Set(window.__given).size").await?;
    wait::until("other credentials", PATIENCE, async || {
        Ok((person.page().number("new Set(window.__given).size").await? > before).then_some(()))
    })
    .await?;
    person.page().number("window.__given.indexOf(window.__given.at(-1))").await
}

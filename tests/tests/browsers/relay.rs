//! Credentials for relays as a page keeps them: renewed before they end, and fresh for each new allocation.

use anyhow::{Result, ensure};
use klatch_tests::page::PATIENCE;
use klatch_tests::{Kind, Person, play, wait};

/// Lets the clock on the wall jump; writes down which user names the broker gave, and which of them connections were told to gather
/// candidates with.
const WATCH: &str = r#"() => {
    const { now } = Date;
    window.__slept = 0;
    Date.now = () => now() + window.__slept;
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

/// Lets a machine sleep for longer than credentials are good for: the clock goes on, but no timer does. Waits for the next
/// credentials, and gives their number.
async fn gets_others(person: &Person) -> Result<f64> {
    let before = person.page().number("new Set(window.__given).size").await?;
    // The broker's user names tell seconds.
    wait::until("another second", PATIENCE, async || {
        let since = "(Date.now() - window.__slept) / 1_000 - window.__given.at(-1).split(':')[0] + 600";
        Ok((person.page().number(since).await? > 1.0).then_some(()))
    })
    .await?;
    person.page().number("window.__slept += 660_000").await?;
    wait::until("other credentials", PATIENCE, async || {
        Ok((person.page().number("new Set(window.__given).size").await? > before).then_some(()))
    })
    .await?;
    person.page().number("window.__given.indexOf(window.__given.at(-1))").await
}

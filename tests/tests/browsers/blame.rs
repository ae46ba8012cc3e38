//! Who is named for what the others put up with, and who is not.

use anyhow::ensure;
use klatch_tests::outsider::Outsider;
use klatch_tests::{Kind, play};

const NAMED: &str = "Mal sends too much, or what this page cannot read.";

#[test]
fn who_reloads_without_end_is_named_and_costs_few_connections_and_a_newcomer_none() {
    // Counts the connections that the page makes, and those that the browser does not.
    let count = "() => {
        window.__made = window.__failed = 0;
        if (!window.RTCPeerConnection) return;
        window.RTCPeerConnection = new Proxy(RTCPeerConnection, {
            construct(target, args) {
                window.__made += 1;
                window.__failed += 1;
                const made = new target(...args);
                window.__failed -= 1;
                return made;
            },
        });
    }";
    play(async |scene| {
        let broker = scene.broker(&[]).await?;
        let ana = scene.person(Kind::Chromium, "Ana").await?;
        ana.page().prepare(count).await?;
        let link = ana.creates(&broker, "Sunday breakfast").await?;
        let bo = scene.person(Kind::Firefox, "Bo").await?;
        bo.accepts(&link).await?;
        ana.is_connected_to("Bo").await?;
        let mal = Outsider::new("Mal", &link)?;
        let dee = scene.person(Kind::Chromium, "Dee").await?;
        let meanwhile = async {
            tokio::try_join!(ana.is_told(NAMED), bo.is_told(NAMED))?;
            dee.accepts(&link).await?;
            dee.is_connected_to("Ana").await?;
            dee.is_connected_to("Bo").await
        };
        tokio::select! {
            over = mal.reloads(broker.port()) => over?,
            met = meanwhile => met?,
        }
        ana.hears(2).await?;
        bo.hears(2).await?;
        let [made, failed] = [ana.page().number("__made").await?, ana.page().number("__failed").await?];
        ensure!(made < 60.0 && failed == 0.0, "{made} connections were made, {failed} failed");
        Ok(())
    });
}

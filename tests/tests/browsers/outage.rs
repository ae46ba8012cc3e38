//! The server out of reach for a while: the call goes on without it.

use klatch_tests::wire::Recorder;
use klatch_tests::{Kind, play};

#[test]
fn a_call_outlives_its_server_and_finds_it_again() {
    play(async |scene| {
        let recorder = Recorder::start().await?;
        let broker = scene.broker(&["--public-url", &recorder.url()]).await?;
        recorder.forward_to(broker.port());
        // Browsers tell their consoles of WebSockets that can't be opened.
        for text in ["WebSocket", "ws://", "can’t establish a connection", "interrupted while the page was loading"] {
            scene.forgive(text);
        }
        let ana = scene.person(Kind::Chromium, "Ana").await?;
        ana.page().open(&recorder.url()).await?;
        ana.names_a_room("Sunday breakfast").await?;
        ana.joins().await?;
        let link = ana.invitation().await?;
        let bo = scene.person(Kind::Firefox, "Bo").await?;
        bo.accepts(&link).await?;
        ana.is_connected_to("Bo").await?;
        bo.is_connected_to("Ana").await?;

        recorder.let_pass(false);
        for person in [&ana, &bo] {
            person.page().shows("The server is out of reach.").await?;
            person.hears(1).await?;
        }
        ana.is_connected_to("Bo").await?;
        bo.says("Still there?").await?;
        ana.reads("Still there?").await?;
        bo.reads("received by all").await?;

        recorder.let_pass(true);
        for person in [&ana, &bo] {
            klatch_tests::wait::until("the server to be back", std::time::Duration::from_secs(30), async || {
                Ok((!person.page().text().await?.contains("The server is out of reach.")).then_some(()))
            })
            .await?;
        }
        let dee = scene.person(Kind::Chromium, "Dee").await?;
        dee.accepts(&link).await?;
        for person in [&ana, &bo] {
            person.is_connected_to("Dee").await?;
        }
        ana.hears(2).await
    });
}

//! What a page does not do when nobody needs it, and how it sends what somebody does.

use anyhow::{Result, ensure};
use klatch_tests::page::PATIENCE;
use klatch_tests::{Kind, Person, play, wait};
use serde_json::Value;
use std::time::Duration;

#[test]
fn nothing_is_encoded_for_a_receiver_whose_tab_is_hidden() {
    play(async |scene| {
        let broker = scene.broker(&[]).await?;
        let ([ana, bo], _) = scene.meet(&broker, [(Kind::Chromium, "Ana"), (Kind::Chromium, "Bo")]).await?;
        ana.toggles("Camera").await?;
        bo.watches("Ana").await?;
        let cover = bo.page().cover().await?;
        ensure!(bo.page().call("() => document.hidden", Value::Null).await? == true, "the tab is still seen");
        wait::until("the camera to rest", PATIENCE, async || Ok((!encodes(&ana).await?).then_some(()))).await?;
        let before = encoded(&ana).await?;
        wait::never("a picture is encoded", Duration::from_secs(1), async || {
            // One may have been on its way.
            Ok((encoded(&ana).await? > before + 1).then_some(()))
        })
        .await?;
        // Sound goes on.
        bo.hears(1).await?;
        cover.close().await?;
        bo.watches("Ana").await.map(|_| ())
    });
}

#[test]
fn silence_costs_little_and_losses_are_mended() {
    play(async |scene| {
        let broker = scene.broker(&[]).await?;
        let ([ana, bo], _) = scene.meet(&broker, [(Kind::Chromium, "Ana"), (Kind::Firefox, "Bo")]).await?;
        for person in [&ana, &bo] {
            let opus = "() => __test.connections.find(({ connectionState }) => connectionState === 'connected')
                .remoteDescription.sdp.match(/^a=fmtp:.*useinbandfec.*$/m)?.[0] ?? ''";
            let opus = person.page().call(opus, Value::Null).await?.to_string();
            ensure!(
                opus.contains("usedtx=1") && opus.contains("useinbandfec=1"),
                "{} is asked for {opus}",
                person.name()
            );
        }
        Ok(())
    });
}

/// Whether pictures are to be encoded for anybody.
async fn encodes(person: &Person) -> Result<bool> {
    let active = "() => __test.connections.flatMap((connection) => connection.getSenders())
        .some((sender) => sender.track?.kind === 'video' && sender.getParameters().encodings[0]?.active)";
    Ok(person.page().call(active, Value::Null).await? == true)
}

/// Frames that were encoded for others.
async fn encoded(person: &Person) -> Result<u64> {
    let connections = person.connections().await?;
    let streams = connections.iter().flat_map(|connection| &connection.outbound);
    Ok(streams.filter(|stream| stream.kind == "video").map(|stream| stream.frames).sum())
}

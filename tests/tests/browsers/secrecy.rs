//! What the broker gets to see, logs and holds: every byte of it is searched.

use anyhow::{Result, ensure};
use klatch_tests::usage::memory;
use klatch_tests::wire::{Recorder, contains, disguises};
use klatch_tests::{Kind, Person, Scene, play};
use serde_json::Value;

#[test]
fn the_broker_neither_receives_nor_logs_nor_holds_what_members_share() {
    play(async |scene| {
        let (recorder, broker) = scene.recorded_broker(&["--log", "trace"]).await?;
        let (people, link) = converse(scene, &recorder).await?;

        let mut secrets: Vec<(String, Vec<u8>)> =
            ["Wilhelmine", "Bartholomäus", "Sunday breakfast at nine", "Pass the marmalade"]
                .map(|text| (text.to_owned(), text.as_bytes().to_vec()))
                .into();
        let (_, fragment) = link.split_once('#').expect("a link with its key");
        let (key, invite) = fragment.split_once('.').expect("a key and an invitation");
        for (name, text) in [("the key", key), ("the fragment", fragment)] {
            secrets.push((name.to_owned(), text.as_bytes().to_vec()));
        }
        use base64ct::{Base64UrlUnpadded, Encoding};
        secrets.push(("the key's bytes".to_owned(), Base64UrlUnpadded::decode_vec(key).expect("a link is base64url")));
        let mut on_wire = secrets.clone();
        for person in &people {
            let lines: Vec<String> =
                serde_json::from_value(person.page().call("() => __test.secrets()", Value::Null).await?)?;
            ensure!(lines.iter().any(|line| line.contains("candidate")), "no candidates to look for");
            ensure!(lines.iter().any(|line| line.contains("ice-pwd")), "no passwords to look for");
            for line in lines {
                let value = line.split_once(':').map_or(&*line, |(_, value)| value).trim().to_owned();
                on_wire.push((line.clone(), line.into_bytes()));
                secrets.push((value.clone(), value.clone().into_bytes()));
                on_wire.push((value.clone(), value.into_bytes()));
            }
        }
        for word in ["v=0\r\n", "a=candidate", "ice-ufrag", "ice-pwd", "m=audio", "a=fingerprint", "typ host"] {
            on_wire.push((word.to_owned(), word.as_bytes().to_vec()));
        }

        let wires = recorder.wires();
        let sockets: Vec<_> = wires.iter().filter(|wire| wire.is_websocket()).collect();
        ensure!(sockets.len() >= 2, "{} WebSockets were recorded", sockets.len());
        let mut passed = Vec::new();
        for wire in sockets {
            passed.extend(wire.plain()?);
        }
        // Of the page's files only what browsers send: the page itself speaks of candidates.
        for wire in &wires {
            passed.extend_from_slice(&wire.up);
        }
        ensure!(
            contains(&passed, b"\"verb\":\"create\"") && contains(&passed, b"\"verb\":\"offer\""),
            "the search is blind"
        );
        search("what the broker received", &passed, &on_wire)?;

        let log = broker.log().all();
        search("the log at trace", log.as_bytes(), &on_wire)?;
        ensure!(!contains(log.as_bytes(), invite.as_bytes()), "the invitation's token is in the log");

        // Candidates of one machine repeat each other's words; what identifies is looked for.
        secrets.retain(|(_, secret)| secret.len() >= 8);
        let held = memory(broker.id())?;
        let room = link.split_once("/r/").and_then(|(_, rest)| rest.split('#').next()).expect("a link with its room");
        let room: klatch_shared::RoomId = room.parse().expect("a room's id");
        ensure!(contains(&held, room.as_bytes()), "the search is blind");
        search("the broker's memory", &held, &secrets)
    });
}

/// A meeting with everything that members share in it.
async fn converse(scene: &Scene, recorder: &Recorder) -> Result<([Person; 2], String)> {
    let wilhelmine = scene.person(Kind::Chromium, "Wilhelmine").await?;
    let bartholomew = scene.person(Kind::Firefox, "Bartholomäus").await?;
    wilhelmine.page().open(&recorder.url()).await?;
    wilhelmine.names_a_room("Sunday breakfast at nine").await?;
    wilhelmine.joins().await?;
    let link = wilhelmine.invitation().await?;
    ensure!(link.starts_with(&recorder.url()), "invitations start with the public URL");
    bartholomew.accepts(&link).await?;
    wilhelmine.is_connected_to("Bartholomäus").await?;
    bartholomew.is_connected_to("Wilhelmine").await?;
    bartholomew.toggles("Camera").await?;
    wilhelmine.watches("Bartholomäus").await?;
    wilhelmine.says("Pass the marmalade").await?;
    bartholomew.reads("Pass the marmalade").await?;
    bartholomew.leaves().await?;
    bartholomew.page().click("link", "Sunday breakfast at nine").await?;
    bartholomew.is_in_the_room().await?;
    wilhelmine.is_connected_to("Bartholomäus").await?;
    bartholomew.is_connected_to("Wilhelmine").await?;
    Ok(([wilhelmine, bartholomew], link))
}

fn search(place: &str, hay: &[u8], secrets: &[(String, Vec<u8>)]) -> Result<()> {
    for (name, secret) in secrets {
        let found = disguises(secret).into_iter().find(|form| contains(hay, form));
        if let Some(form) = found {
            anyhow::bail!("{name} is in {place}, as {}", String::from_utf8_lossy(&form));
        }
    }
    Ok(())
}

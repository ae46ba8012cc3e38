//! Who gets in, who doesn't, and what they are told.

use anyhow::ensure;
use klatch_tests::browser::PLAIN_HOST;
use klatch_tests::{Kind, play};

#[test]
fn a_locked_room_refuses_newcomers_and_lets_members_come_back() {
    play(async |scene| {
        let broker = scene.broker(&[]).await?;
        let ([ana, bo], link) = scene.meet(&broker, [(Kind::Chromium, "Ana"), (Kind::Firefox, "Bo")]).await?;
        ensure!(!bo.page().has("button", "Lock room").await?, "only the creator may lock");
        ana.toggles("Lock room").await?;
        bo.page().shows("Locked").await?;

        let dee = scene.person(Kind::Chromium, "Dee").await?;
        dee.page().open(&link).await?;
        dee.is_in_trouble("This room is locked", "Ask somebody inside to unlock it.").await?;

        bo.leaves().await?;
        ana.no_longer_sees("Bo").await?;
        bo.page().click("link", "Sunday breakfast").await?;
        bo.is_in_the_room().await?;
        ana.is_connected_to("Bo").await?;

        ana.toggles("Lock room").await?;
        dee.page().click("button", "Try again").await?;
        dee.joins().await?;
        ana.is_connected_to("Dee").await
    });
}

#[test]
fn a_room_locked_while_somebody_waits_before_it_is_told_to_them() {
    play(async |scene| {
        let broker = scene.broker(&[]).await?;
        let ([ana], link) = scene.meet(&broker, [(Kind::Chromium, "Ana")]).await?;
        let bo = scene.person(Kind::Firefox, "Bo").await?;
        bo.page().open(&link).await?;
        bo.page().shows("1 inside").await?;
        bo.page().find("heading", "Sunday breakfast").await?;
        ana.toggles("Lock room").await?;
        bo.asks_to_join().await?;
        bo.is_in_trouble("This room is locked", "Ask somebody inside to unlock it.").await
    });
}

#[test]
fn links_that_open_nothing_say_why() {
    play(async |scene| {
        let broker = scene.broker(&[]).await?;
        let ([_ana], link) = scene.meet(&broker, [(Kind::Chromium, "Ana")]).await?;
        let (address, fragment) = link.split_once('#').expect("a link with its key");
        let (key, invite) = fragment.split_once('.').expect("a key and an invitation");
        let altered = |text: &str| {
            let first = if text.starts_with('A') { "B" } else { "A" };
            format!("{first}{}", &text[1..])
        };
        let elsewhere = format!("{}/r/018f3b2e-0000-8000-8000-000000000001", broker.url());
        for kind in [Kind::Chromium, Kind::Firefox] {
            let bo = scene.person(kind, "Bo").await?;
            for (link, heading, advice) in [
                (format!("{}/r/nonsense#x", broker.url()), "This is not an invitation", "Ask for it to be sent again"),
                (address.to_owned(), "This link has lost its key", "the part behind the #"),
                (format!("{address}#{key}"), "The key in this link is damaged", "Ask for the whole link"),
                (
                    format!("{address}#{}.{invite}", altered(key)),
                    "The key in this link is damaged",
                    "Ask for the whole link",
                ),
                (format!("{elsewhere}#{fragment}"), "The key in this link is damaged", "Ask for the whole link"),
                (format!("{address}#{key}.{}", altered(invite)), "This room is gone", "no longer exists"),
            ] {
                // A new fragment alone would not load the page anew.
                bo.page().open("about:blank").await?;
                bo.page().open(&link).await?;
                bo.is_in_trouble(heading, advice).await?;
            }
            bo.page().click("link", "To the start page").await?;
            bo.page().fill("Invitation link", "see you there").await?;
            bo.page().click("button", "Open").await?;
            bo.page().shows("This is not an invitation link").await?;
            bo.page().fill("Room name", "   ").await?;
            bo.page().click("button", "Create room").await?;
            bo.page().find("button", "Create room").await?;
            bo.page().fill("Invitation link", &link).await?;
            bo.page().click("button", "Open").await?;
            bo.page().fill("Your name", "\u{2800}").await?;
            bo.page().click("button", "Join").await?;
            bo.page().find("button", "Join").await?;
            bo.joins().await?;
            bo.leaves().await?;
        }
        Ok(())
    });
}

#[test]
fn an_ended_room_is_over_for_everybody_and_its_link_is_dead() {
    play(async |scene| {
        let broker = scene.broker(&[]).await?;
        let ([ana, bo], link) = scene.meet(&broker, [(Kind::Chromium, "Ana"), (Kind::Firefox, "Bo")]).await?;
        bo.opens("Settings").await?;
        ensure!(!bo.page().has("button", "End room for everyone").await?, "only the creator may end it");
        ana.opens("Settings").await?;
        ana.page().click("button", "End room for everyone").await?;
        ana.page().click("button", "End it now").await?;
        bo.is_in_trouble("The room was ended", "Create a new room").await?;
        ana.page().gone("button", "Leave").await?;
        let dee = scene.person(Kind::Chromium, "Dee").await?;
        dee.page().open(&link).await?;
        dee.is_in_trouble("This room is gone", "no longer exists").await?;
        bo.page().click("link", "To the start page").await?;
        bo.page().find("textbox", "Room name").await?;
        ensure!(!bo.page().has("link", "Sunday breakfast").await?, "a dead room among Your rooms");
        Ok(())
    });
}

#[test]
fn a_full_room_says_so_and_lets_in_once_there_is_place() {
    play(async |scene| {
        let broker = scene.broker(&["--max-members", "2"]).await?;
        let ([_ana, bo], link) = scene.meet(&broker, [(Kind::Chromium, "Ana"), (Kind::Chromium, "Bo")]).await?;
        let dee = scene.person(Kind::Firefox, "Dee").await?;
        dee.page().open(&link).await?;
        dee.page().shows("2 inside").await?;
        dee.page().shows("full").await?;
        dee.asks_to_join().await?;
        dee.page().shows("This room is full. Wait until somebody leaves and try again.").await?;
        bo.leaves().await?;
        dee.page().click("button", "Join").await?;
        dee.is_in_the_room().await?;
        dee.is_connected_to("Ana").await?;
        // A seat does not help against a full room, but is not lost by it.
        bo.page().click("link", "Sunday breakfast").await?;
        bo.page().shows("This room is full.").await?;
        dee.leaves().await?;
        bo.page().click("button", "Join").await?;
        bo.is_in_the_room().await
    });
}

#[test]
fn a_browser_that_cannot_call_is_told_why() {
    play(async |scene| {
        let broker = scene.broker(&[]).await?;
        let ana = scene.person(Kind::Chromium, "Ana").await?;
        ana.page().open(&format!("http://{PLAIN_HOST}:{}", broker.port())).await?;
        ana.page().find("heading", "This address is not secure").await?;
        ana.page().shows("Open this page by its https address").await?;
        let bo = scene.person(Kind::Firefox, "Bo").await?;
        bo.page().prepare("() => { delete window.RTCPeerConnection }").await?;
        bo.page().open(broker.url()).await?;
        bo.page().find("heading", "This browser cannot make calls").await?;
        bo.page().shows("Use a current Firefox").await
    });
}

//! Who reaches whom from behind which router, directly or over the relay, in a lab of network namespaces.
//!
//! TLS to the relay is judged as any other: Chromium and Firefox look for the name in the certificate, and trust one that nobody has
//! signed as they are told to trust all (`--ignore-certificate-errors`, `acceptInsecureCerts`).

use anyhow::Result;
use klatch_tests::homes::{meet, play_in_lab};
use klatch_tests::lab::{Firewall, Nat, PAGE_PORT};
use klatch_tests::{Kind, Lab, Scene};

/// The bundled relay on the public host.
const TURN: [&str; 3] = ["--turn", "--turn-listen", "203.0.113.1:3478"];

#[test]
fn behind_friendly_routers_members_reach_each_other_directly_though_there_is_a_relay() {
    play_in_lab(async |scene, lab| {
        let homes = [lab.home(Nat::Cone, Firewall::Open).await?, lab.home(Nat::Cone, Firewall::Open).await?];
        let broker = scene.broker_in(lab, PAGE_PORT, &TURN).await?;
        let people = [(&homes[0], Kind::Chromium, "Ana"), (&homes[1], Kind::Firefox, "Bo")];
        let (ana, bo) = meet(scene, &broker, people).await?;
        ana.is_connected_by("direct", "Bo").await?;
        bo.is_connected_by("direct", "Ana").await
    });
}

#[test]
fn behind_strict_routers_members_do_not_reach_each_other_without_a_relay() {
    play_in_lab(async |scene, lab| {
        let homes = [lab.home(Nat::Symmetric, Firewall::Open).await?, lab.home(Nat::Symmetric, Firewall::Open).await?];
        // Knowing one's outer address is not enough: each destination has another.
        scene.broker_in(lab, PAGE_PORT + 1, &TURN).await?;
        let broker = scene.broker_in(lab, PAGE_PORT, &["--ice-server", "stun:203.0.113.1:3478"]).await?;
        let people = [(&homes[0], Kind::Chromium, "Ana"), (&homes[1], Kind::Chromium, "Bo")];
        let (ana, bo) = meet(scene, &broker, people).await?;
        ana.does_not_reach("Bo").await?;
        bo.does_not_reach("Ana").await
    });
}

#[test]
fn behind_strict_routers_members_meet_over_the_relay() {
    play_in_lab(async |scene, lab| {
        let homes = [lab.home(Nat::Symmetric, Firewall::Open).await?, lab.home(Nat::Symmetric, Firewall::Open).await?];
        let broker = scene.broker_in(lab, PAGE_PORT, &TURN).await?;
        let people = [(&homes[0], Kind::Chromium, "Ana"), (&homes[1], Kind::Firefox, "Bo")];
        let (ana, bo) = meet(scene, &broker, people).await?;
        ana.is_connected_by("relay", "Bo").await?;
        bo.is_connected_by("relay", "Ana").await
    });
}

#[test]
fn where_one_router_is_strict_members_connect_by_whatever_way_there_is() {
    play_in_lab(async |scene, lab| {
        let homes = [lab.home(Nat::Cone, Firewall::Open).await?, lab.home(Nat::Symmetric, Firewall::Open).await?];
        let broker = scene.broker_in(lab, PAGE_PORT, &TURN).await?;
        let people = [(&homes[0], Kind::Chromium, "Ana"), (&homes[1], Kind::Chromium, "Bo")];
        let (ana, bo) = meet(scene, &broker, people).await?;
        ana.is_connected_by_any(&["direct", "relay"], "Bo").await?;
        bo.is_connected_by_any(&["direct", "relay"], "Ana").await
    });
}

#[test]
fn where_udp_is_blocked_members_get_through_over_tcp() {
    play_in_lab(async |scene, lab| get_through(scene, lab, Firewall::NoUdp, PAGE_PORT, &TURN).await);
}

#[test]
fn where_only_tls_is_open_members_get_through_over_tls() {
    play_in_lab(async |scene, lab| {
        let [chain, key] = lab.certificate()?;
        let tls = ["--turn-tls-listen", "203.0.113.1:443", "--tls-cert", &chain, "--tls-key", &key];
        get_through(scene, lab, Firewall::TlsOnly, PAGE_PORT, &[&TURN[..], &tls].concat()).await
    });
}

#[test]
fn where_only_https_is_open_one_port_serves_the_page_and_the_relay() {
    play_in_lab(async |scene, lab| {
        let [chain, key] = lab.certificate()?;
        let tls = ["--tls-cert", &chain, "--tls-key", &key];
        get_through(scene, lab, Firewall::TlsOnly, 443, &[&TURN[..], &tls].concat()).await
    });
}

#[test]
fn who_hides_the_address_is_reached_over_the_relay_alone() {
    play_in_lab(async |scene, lab| {
        let homes = [lab.home(Nat::Cone, Firewall::Open).await?, lab.home(Nat::Cone, Firewall::Open).await?];
        let broker = scene.broker_in(lab, PAGE_PORT, &TURN).await?;
        let ana = scene.person_at(&homes[0], Kind::Chromium, "Ana").await?;
        let bo = scene.person_at(&homes[1], Kind::Chromium, "Bo").await?;
        let link = bo.creates(&broker, "Sunday breakfast").await?;
        ana.page().open(&link).await?;
        ana.page().click("switch", "Relay only").await?;
        ana.joins().await?;
        ana.is_connected_by("relay", "Bo").await?;
        bo.is_connected_by("relay", "Ana").await?;
        // It is remembered.
        ana.page().reload().await?;
        ana.is_connected_by("relay", "Bo").await
    });
}

/// Two who are both behind such a firewall, over the relay.
async fn get_through(scene: &Scene, lab: &mut Lab, firewall: Firewall, port: u16, flags: &[&str]) -> Result<()> {
    let homes = [lab.home(Nat::Cone, firewall).await?, lab.home(Nat::Cone, firewall).await?];
    let broker = scene.broker_in(lab, port, flags).await?;
    let people = [(&homes[0], Kind::Chromium, "Ana"), (&homes[1], Kind::Firefox, "Bo")];
    let (ana, bo) = meet(scene, &broker, people).await?;
    ana.is_connected_by("relay", "Bo").await?;
    bo.is_connected_by("relay", "Ana").await
}

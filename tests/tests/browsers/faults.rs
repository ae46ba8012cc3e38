//! What networks, servers and machines do to a call, in a lab of network namespaces: it is whole again by itself, says meanwhile how
//! it is, and no word is lost.

use std::time::Duration;

use anyhow::{Result, ensure};
use klatch_tests::faults::{Account, NAP, Trouble, befall};
use klatch_tests::homes::play_in_lab;
use klatch_tests::{Kind, Lab, Scene};

/// The call is whole again, no longer silent than that takes, and pages said meanwhile how it was.
async fn goes_on(scene: &Scene, lab: &mut Lab, trouble: Trouble) -> Result<Account> {
    let account = befall(scene, lab, trouble).await?;
    eprintln!("{account:.0?}");
    account.check()?;
    Ok(account)
}

#[test]
fn a_call_whose_uplink_is_cut_for_five_seconds_goes_on() {
    play_in_lab(async |scene, lab| goes_on(scene, lab, Trouble::Cut(Duration::from_secs(5))).await.map(drop));
}

#[test]
#[ignore = "takes a minute"]
fn a_call_whose_uplink_is_cut_for_twelve_seconds_goes_on() {
    play_in_lab(async |scene, lab| goes_on(scene, lab, Trouble::Cut(Duration::from_secs(12))).await.map(drop));
}

#[test]
#[ignore = "takes two minutes"]
fn a_call_whose_uplink_is_cut_for_forty_seconds_goes_on() {
    play_in_lab(async |scene, lab| goes_on(scene, lab, Trouble::Cut(Duration::from_secs(40))).await.map(drop));
}

#[test]
fn who_comes_into_another_network_is_heard_again_soon() {
    play_in_lab(async |scene, lab| {
        let account = goes_on(scene, lab, Trouble::Moved(Kind::Chromium)).await?;
        // Chromium and Firefox agree on what an ICE restart leaves as it is.
        ensure!(account.replaced == 0, "an ICE restart was not enough: {account:?}");
        Ok(())
    });
}

#[test]
fn who_comes_into_another_network_with_firefox_is_heard_again_too() {
    play_in_lab(async |scene, lab| goes_on(scene, lab, Trouble::Moved(Kind::Firefox)).await.map(drop));
}

#[test]
#[ignore = "takes two minutes"]
fn who_opens_the_lid_again_is_in_the_call() {
    play_in_lab(async |scene, lab| goes_on(scene, lab, Trouble::Asleep(NAP)).await.map(drop));
}

#[test]
fn a_call_whose_server_is_killed_goes_on_without_a_pause() {
    play_in_lab(async |scene, lab| goes_on(scene, lab, Trouble::ServerKilled).await.map(drop));
}

#[test]
#[ignore = "takes a minute"]
fn whoever_s_browser_is_killed_is_missed_by_the_others_who_go_on_and_comes_back_by_the_link() {
    play_in_lab(async |scene, lab| goes_on(scene, lab, Trouble::MemberKilled).await.map(drop));
}

#[test]
#[ignore = "takes a minute"]
fn a_call_that_loses_two_packets_of_a_hundred_goes_on_without_a_pause() {
    play_in_lab(async |scene, lab| goes_on(scene, lab, Trouble::Loss(2)).await.map(drop));
}

#[test]
#[ignore = "takes a minute"]
fn a_call_that_loses_a_tenth_of_its_packets_goes_on_without_a_pause() {
    play_in_lab(async |scene, lab| goes_on(scene, lab, Trouble::Loss(10)).await.map(drop));
}

#[test]
fn members_whose_relay_was_restarted_meet_over_the_next() {
    play_in_lab(async |scene, lab| goes_on(scene, lab, Trouble::RelayKilled).await.map(drop));
}

#[test]
fn without_a_server_a_broken_link_is_mended_by_way_of_a_third_member() {
    play_in_lab(async |scene, lab| goes_on(scene, lab, Trouble::Apart).await.map(drop));
}

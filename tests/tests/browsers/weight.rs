//! What the first load of an invitation costs.

use anyhow::ensure;
use klatch_tests::{Kind, play};
use serde_json::Value;

/// With all headers.
const MOST_BYTES: usize = 200_000;

#[test]
fn an_invitation_loads_in_few_requests_and_bytes_all_from_one_host() {
    play(async |scene| {
        let (recorder, _) = scene.recorded_broker(&[]).await?;
        for kind in [Kind::Chromium, Kind::Firefox] {
            let before = recorder.wires().len();
            let ana = scene.person(kind, "Ana").await?;
            // Not a link that opens something, but one that loads the same.
            ana.page().open(&format!("{}/r/018f3b2e-0000-8000-8000-000000000001", recorder.url())).await?;
            ana.is_in_trouble("This link has lost its key", "the part behind the #").await?;
            let wires = recorder.wires();
            let new: Vec<_> = wires[before..].iter().filter(|wire| !wire.is_websocket()).collect();
            let requests: Vec<String> = new.iter().flat_map(|wire| wire.requests()).collect();
            let bytes: usize = new.iter().map(|wire| wire.down.len()).sum();
            eprintln!("{kind:?}: {bytes} bytes, {requests:?}");
            ensure!(requests.len() <= 6, "{kind:?} asks for {requests:?}");
            ensure!(requests.len() >= 3, "the counting is blind: {requests:?}");
            ensure!(bytes <= MOST_BYTES, "{kind:?} loads {bytes} bytes");
            let names = "() => performance.getEntriesByType('resource').map(({ name }) => name)";
            let names: Vec<String> = serde_json::from_value(ana.page().call(names, Value::Null).await?)?;
            for name in names {
                ensure!(name.starts_with(&recorder.url()) || name.starts_with("data:"), "{name} is from elsewhere");
            }
        }
        Ok(())
    });
}

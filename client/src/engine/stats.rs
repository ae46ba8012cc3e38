//! What a connection's statistics tell (W3C Identifiers for WebRTC's Statistics API).

use js_sys::{Map, Reflect};
use wasm_bindgen::JsValue;

use crate::state::Path;

/// Whether the selected candidate pair goes over a relay.
pub(super) fn path(report: &Map) -> Option<Path> {
    let text = |stat: &JsValue, name: &str| Reflect::get(stat, &name.into()).ok().and_then(|value| value.as_string());
    let stats: Vec<JsValue> = js_sys::try_iter(&report.values()).ok()??.filter_map(Result::ok).collect();
    let of = |kind: &'static str| stats.iter().filter(move |stat| text(stat, "type").as_deref() == Some(kind));
    let chosen = of("transport").find_map(|transport| text(transport, "selectedCandidatePairId"));
    let pair = match chosen {
        Some(id) => report.get(&id.into()),
        // Firefox has no transport statistics; it marks the pair instead.
        None => of("candidate-pair")
            .find(|pair| Reflect::get(pair, &"selected".into()).is_ok_and(|s| s.is_truthy()))?
            .clone(),
    };
    let relayed = ["localCandidateId", "remoteCandidateId"].into_iter().any(|end| {
        let candidate = text(&pair, end).map(|id| report.get(&id.into()));
        candidate.and_then(|candidate| text(&candidate, "candidateType")).as_deref() == Some("relay")
    });
    Some(if relayed { Path::Relay } else { Path::Direct })
}

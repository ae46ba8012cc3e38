//! What a reader takes for one character: extended grapheme clusters (UAX #29).
//!
//! In the page the browser finds them (`Intl.Segmenter`): the tables would cost it 12 KB. A browser without it counts
//! single characters, so that an emoji made of several is longer there.

/// The clusters of `text`, in order; put together again they are the text.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn clusters(text: &str) -> Vec<&str> {
    unicode_segmentation::UnicodeSegmentation::graphemes(text, true).collect()
}

#[cfg(target_arch = "wasm32")]
pub(crate) fn clusters(text: &str) -> Vec<&str> {
    // What needs no looking up does without the segmenter, which takes tens of milliseconds to make.
    if text.is_ascii() && !text.contains('\r') {
        return text.split_inclusive(|_| true).collect();
    }
    let lengths = browser::lengths(text).unwrap_or_else(|| text.chars().map(char::len_utf8).collect());
    let mut rest = text;
    let mut clusters = Vec::with_capacity(lengths.len());
    for length in lengths {
        let Some((cluster, after)) = rest.split_at_checked(length) else { break };
        clusters.push(cluster);
        rest = after;
    }
    clusters
}

#[cfg(target_arch = "wasm32")]
mod browser {
    use js_sys::{Array, Function, JsString, Reflect};
    use wasm_bindgen::{JsCast, JsValue};

    thread_local! {
        /// Making one is slow.
        static SEGMENTER: Option<JsValue> = segmenter().ok();
    }

    /// How many bytes each cluster has.
    pub(super) fn lengths(text: &str) -> Option<Vec<usize>> {
        SEGMENTER.with(|segmenter| {
            let segmenter = segmenter.as_ref()?;
            let segment: Function = get(segmenter, "segment").ok()?.dyn_into().ok()?;
            let segments = Array::from(&segment.call1(segmenter, &text.into()).ok()?);
            let length = |segment: JsValue| Some(get(&segment, "segment").ok()?.as_string()?.len());
            segments.iter().map(length).collect()
        })
    }

    fn segmenter() -> Result<JsValue, JsValue> {
        let make: Function = get(&get(&js_sys::global(), "Intl")?, "Segmenter")?.dyn_into()?;
        Reflect::construct(&make, &Array::of1(&"en".into()))
    }

    fn get(object: &JsValue, name: &str) -> Result<JsValue, JsValue> {
        Reflect::get(object, &JsString::from(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_joiners_and_flags_stay_with_what_they_belong_to() {
        assert_eq!(clusters("e\u{301}x"), ["e\u{301}", "x"]);
        assert_eq!(clusters("👩🏽‍❤️‍💋‍👨🏽🇩🇪"), ["👩🏽‍❤️‍💋‍👨🏽", "🇩🇪"]);
        assert!(clusters("").is_empty());
    }
}

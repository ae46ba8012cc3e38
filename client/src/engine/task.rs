//! Work that goes on by itself.

use std::future::Future;
use std::pin::Pin;

/// Lets `future` run. Boxed here: `spawn_local` is long, and would be in the page once for each of its callers.
pub(crate) fn spawn(future: impl Future<Output = ()> + 'static) {
    run(Box::pin(future));
}

fn run(future: Pin<Box<dyn Future<Output = ()>>>) {
    wasm_bindgen_futures::spawn_local(future);
}

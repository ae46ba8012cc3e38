//! By what ways a connection may find the other end, and connections made beforehand that don't know their ways yet.

use js_sys::Array;
use klatch_shared::wire::IceServer;
use wasm_bindgen::JsValue;
use web_sys::{RtcBundlePolicy, RtcConfiguration, RtcIceServer, RtcIceTransportPolicy, RtcPeerConnection};

/// What takes a browser longest about a connection, done beforehand: its threads, its certificate. Dropping it closes it.
pub(super) struct Spare(Option<RtcPeerConnection>);

impl Spare {
    /// One, unless the browser refuses.
    pub(super) fn new() -> Option<Self> {
        RtcPeerConnection::new_with_configuration(&configuration()).ok().map(|pc| Self(Some(pc)))
    }

    pub(super) fn into_connection(mut self) -> RtcPeerConnection {
        self.0.take().expect("it is taken once, here")
    }
}

impl Drop for Spare {
    fn drop(&mut self) {
        if let Some(pc) = &self.0 {
            pc.close();
        }
    }
}

/// One transport for everything between two members (W3C WebRTC §4.2.5).
fn configuration() -> RtcConfiguration {
    let configuration = RtcConfiguration::new();
    configuration.set_bundle_policy(RtcBundlePolicy::MaxBundle);
    configuration
}

/// By what others may be reached.
#[derive(Clone, Debug, Default)]
pub(super) struct Ways {
    /// As the broker handed them out.
    pub(super) servers: Vec<IceServer>,
    /// Over relays alone, so that others don't see our address.
    pub(super) relay_only: bool,
}

impl Ways {
    /// Whether there is a relay among them.
    pub(super) fn has_relay(&self) -> bool {
        self.servers.iter().flat_map(|server| &server.urls).any(|url| url.starts_with("turn"))
    }

    fn configuration(&self) -> RtcConfiguration {
        let configuration = configuration();
        configuration.set_ice_servers(&self.servers.iter().map(ice_server).collect::<Array>());
        configuration.set_ice_transport_policy(match self.relay_only {
            true => RtcIceTransportPolicy::Relay,
            false => RtcIceTransportPolicy::All,
        });
        configuration
    }

    /// Has a connection take these ways from its next gathering of candidates on. A server that the browser can't use must
    /// not be the end of calls that need none; but where our address is to be hidden, no server is better than any way.
    pub(super) fn show(&self, pc: &RtcPeerConnection) -> Result<(), JsValue> {
        let shown = pc.set_configuration_with_configuration(&self.configuration());
        if shown.is_err() && self.relay_only {
            return pc.set_configuration_with_configuration(&Self { servers: Vec::new(), ..*self }.configuration());
        }
        Ok(())
    }
}

fn ice_server(server: &IceServer) -> JsValue {
    let out = RtcIceServer::new();
    out.set_urls(&server.urls.iter().map(JsValue::from).collect::<Array>());
    if let (Some(username), Some(credential)) = (&server.username, &server.credential) {
        out.set_username(username);
        out.set_credential(credential);
    }
    out.into()
}

//! Where whoever came by plain HTTP is sent: to the same place by HTTPS, under a name that is ours. A name that somebody else wrote
//! into the request is not followed.

use std::sync::Arc;

use hyper::Uri;
use hyper::header::{HOST, HeaderMap, HeaderValue, LOCATION};
use warp::http::{Method, StatusCode};

use crate::origin::{Origin, Origins};
use crate::page::{self, Answer};
use crate::tls::Served;

/// What a request over plain HTTP asked for, where HTTPS is served.
#[derive(Clone, Debug)]
pub(crate) struct Asked(pub(crate) Uri);

/// Which names are ours, over HTTPS.
#[derive(Debug)]
pub(crate) struct Redirect {
    /// The one name, if it was said.
    pub(crate) public: Option<Origin>,
    /// Where HTTPS is served.
    pub(crate) port: u16,
    /// Its certificate is for names of ours.
    pub(crate) served: Arc<Served>,
}

impl Redirect {
    /// Sends somebody on.
    pub(crate) fn answer(&self, asked: &Asked, origins: &Origins, method: &Method, headers: &HeaderMap) -> Answer {
        let location = self.origin(headers, origins).map(|origin| {
            let path = asked.0.path_and_query().map_or("/", |path| path.as_str());
            HeaderValue::try_from(format!("{origin}{}{path}", if path.starts_with('/') { "" } else { "/" }))
        });
        let Some(Ok(location)) = location else {
            return page::text(
                StatusCode::MISDIRECTED_REQUEST,
                "There is nothing here by that name. Open it by https:// and the name in the invitation.\n",
                method,
            );
        };
        let mut answer = page::text(StatusCode::PERMANENT_REDIRECT, "It is served by https:// alone.\n", method);
        answer.headers_mut().insert(LOCATION, location);
        answer
    }

    fn origin(&self, headers: &HeaderMap, origins: &Origins) -> Option<Origin> {
        if let Some(public) = self.public.as_ref().filter(|public| public.is_https()) {
            return Some(public.clone());
        }
        let host = headers.get(HOST)?.to_str().ok()?;
        let asked: Origin = format!("https://{host}").parse().ok()?;
        let origin = asked.at(self.port);
        (origins.allows(&origin) || self.served.is_for(origin.host())).then_some(origin)
    }
}

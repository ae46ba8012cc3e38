//! One order, from the account to the certificate.

use std::time::Duration;
use std::{fmt, io};

use hyper::Request;
use hyper::header::USER_AGENT;
use instant_acme::{
    Account, AuthorizationStatus, BodyWrapper, ChallengeType, Error, Identifier, NewAccount, NewOrder, Order,
    OrderStatus, Problem, RetryPolicy,
};
use rcgen::{CertificateParams, DistinguishedName, KeyPair};
use tokio::time::{sleep, timeout};

use super::pauses::Cost;
use super::{Acme, http};
use crate::tls::domain::Domain;
use crate::tls::period::Moment;

/// What a directory says of an account that it does not have (any more).
const NO_SUCH_ACCOUNT: &str = "urn:ietf:params:acme:error:accountDoesNotExist";

/// After how long a certificate that was signed, and did not come, is fetched again: ordered again, it would be counted again.
const FETCH_AGAIN: [Duration; 3] = [Duration::from_secs(5), Duration::from_secs(30), Duration::from_secs(120)];

/// How long a directory is waited for that is only looked at.
const LOOK_PATIENCE: Duration = Duration::from_secs(10);

/// Why there is no certificate.
#[derive(Debug)]
pub(super) enum Refused {
    /// The directory can't be asked.
    Unreachable(String, Error),
    /// It says no.
    Problem(String, Problem),
    /// It did not find us.
    NotFound(Vec<String>),
    /// Something else is wrong with what it says.
    Odd(String, Error),
    /// What it issued did not come.
    Lost(String, Error),
    /// What it issued is no certificate, or not for our key.
    Unservable(String),
    /// What it issued is as good as due again by this machine's clock, which says so.
    Due(String, Moment),
    /// Nothing can be made to be signed.
    Local(String),
}

impl Refused {
    /// What the directory may count against us.
    pub(super) fn cost(&self) -> Cost {
        match self {
            Self::Unreachable(..) => Cost::Nothing,
            Self::Problem(..) | Self::NotFound(_) | Self::Odd(..) | Self::Local(_) => Cost::Try,
            Self::Lost(..) | Self::Unservable(_) | Self::Due(..) => Cost::Certificate,
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(directory, error) => {
                write!(f, "{directory} can't be asked ({error}): ")?;
                f.write_str(if is_of_tls(error) {
                    "name the root that vouches for it by --acme-ca, or set this machine's clock"
                } else {
                    "is this machine online?"
                })
            }
            Self::Problem(directory, problem) => write!(f, "{directory} refuses: {problem}"),
            Self::NotFound(reasons) => write!(
                f,
                "the directory has to reach this program by each of these names at port 443; open it in the firewall, and let the \
                 names lead here ({})",
                reasons.join("; ")
            ),
            Self::Odd(directory, error) => write!(f, "{directory} makes no sense: {error}"),
            Self::Lost(directory, error) => write!(
                f,
                "the certificate that {directory} was to issue could not be fetched ({error}): start klatch anew once this machine is \
                 online, as each try may cost one of the few that it issues a week"
            ),
            Self::Unservable(directory) => {
                write!(f, "the certificate that {directory} issued can't be served: is that a directory?")
            }
            Self::Due(directory, now) => write!(
                f,
                "the certificate that {directory} issued just now is due for renewal already: set this machine's clock, which says {now}"
            ),
            Self::Local(error) => write!(f, "nothing can be asked for: {error}"),
        }
    }
}

/// Whether the directory was reached, and is not trusted.
fn is_of_tls(error: &Error) -> bool {
    let Error::Other(error) = error else { return false };
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::InvalidData)
}

/// A certificate with its chain and its key.
pub(super) async fn obtain(acme: &Acme) -> Result<String, Refused> {
    let obtained = attempt(acme).await;
    acme.challenges.clear();
    match obtained {
        Err(Refused::Problem(_, problem)) if problem.r#type.as_deref() == Some(NO_SUCH_ACCOUNT) => {
            acme.cache.forget_account();
            let obtained = attempt(acme).await;
            acme.challenges.clear();
            obtained
        }
        other => other,
    }
}

/// Looks whether the directory is there, can be trusted, and is one. Nothing is asked of it that counts.
pub(super) async fn look(acme: &Acme) -> Result<(), Refused> {
    let looked = timeout(LOOK_PATIENCE, look_into(acme)).await;
    looked
        .unwrap_or_else(|_| Err(Error::Other(io::Error::from(io::ErrorKind::TimedOut).into())))
        .map_err(|error| said(acme, error))
}

async fn look_into(acme: &Acme) -> Result<(), Error> {
    let request = Request::get(acme.directory.to_string());
    let request = request.header(USER_AGENT, concat!("klatch/", env!("CARGO_PKG_VERSION")));
    let client = http::client(&acme.roots).map_err(|error| Error::Other(error.into()))?;
    let mut answer = client.request(request.body(BodyWrapper::default())?).await?;
    let directory: serde_json::Value = serde_json::from_slice(&answer.body.into_bytes().await.map_err(Error::Other)?)?;
    directory.get("newOrder").map(drop).ok_or(Error::Str("newOrder"))
}

fn said(acme: &Acme, error: Error) -> Refused {
    match error {
        Error::Api(problem) => Refused::Problem(acme.directory.to_string(), problem),
        Error::Other(_) => Refused::Unreachable(acme.directory.to_string(), error),
        other => Refused::Odd(acme.directory.to_string(), other),
    }
}

async fn attempt(acme: &Acme) -> Result<String, Refused> {
    let said = |error| said(acme, error);
    let account = account(acme).await.map_err(said)?;
    let names: Vec<_> = acme.domains.iter().map(|domain| Identifier::Dns(domain.as_str().to_owned())).collect();
    let mut order = account.new_order(&NewOrder::new(&names)).await.map_err(said)?;
    prove(acme, &mut order).await.map_err(said)?;
    match order.poll_ready(&RetryPolicy::default()).await {
        Ok(OrderStatus::Ready | OrderStatus::Processing | OrderStatus::Valid) => {}
        // What was wrong stands with each name.
        Ok(OrderStatus::Invalid | OrderStatus::Pending) | Err(Error::Api(_)) => return Err(not_found(&mut order).await),
        Err(error) => return Err(said(error)),
    }
    let (request, key) = request(&acme.domains).map_err(|error| Refused::Local(error.to_string()))?;
    order.finalize_csr(&request).await.map_err(said)?;
    let chain = fetch(&mut order).await.map_err(|error| match error {
        Error::Api(_) => said(error),
        other => Refused::Lost(acme.directory.to_string(), other),
    })?;
    Ok(format!("{}\n{}", chain.trim_end(), key.serialize_pem()))
}

async fn fetch(order: &mut Order) -> Result<String, Error> {
    for pause in FETCH_AGAIN {
        match order.poll_certificate(&RetryPolicy::default()).await {
            Err(Error::Other(_) | Error::Timeout(_)) => sleep(pause).await,
            fetched => return fetched,
        }
    }
    order.poll_certificate(&RetryPolicy::default()).await
}

async fn account(acme: &Acme) -> Result<Account, Error> {
    let client = || http::client(&acme.roots).map_err(|error| Error::Other(error.into()));
    let spoilt = match acme.cache.account() {
        Ok(Some(credentials)) => return Account::builder_with_http(client()?).from_credentials(credentials).await,
        Ok(None) => None,
        Err(spoilt) => Some(spoilt),
    };
    let contact = acme.email.as_ref().map(|email| format!("mailto:{email}"));
    let contact: Vec<_> = contact.iter().map(String::as_str).collect();
    let wanted = NewAccount { contact: &contact, terms_of_service_agreed: true, only_return_existing: false };
    let builder = Account::builder_with_http(client()?);
    let (account, credentials) = builder.create(&wanted, acme.directory.to_string(), None).await?;
    if let Some(spoilt) = spoilt {
        tracing::warn!("{spoilt}: there is a new account in its place");
    }
    if let Err(error) = acme.cache.keep_account(&credentials) {
        tracing::warn!("the account can't be kept in {}: {error}", acme.cache.folder().display());
    }
    Ok(account)
}

/// Shows what the directory wants to find, and says that it is there.
async fn prove(acme: &Acme, order: &mut Order) -> Result<(), Error> {
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization?;
        match authorization.status {
            AuthorizationStatus::Valid => continue,
            AuthorizationStatus::Pending => {}
            _ => return Err(Error::Str("a name that can't be proven any more")),
        }
        let name = authorization.identifier().to_string();
        let mut challenge =
            authorization.challenge(ChallengeType::TlsAlpn01).ok_or(Error::Unsupported("tls-alpn-01"))?;
        let digest = challenge.key_authorization().digest();
        acme.challenges.add(&name, digest.as_ref()).map_err(Error::Other)?;
        challenge.set_ready().await?;
    }
    Ok(())
}

async fn not_found(order: &mut Order) -> Refused {
    let mut reasons = Vec::new();
    let mut authorizations = order.authorizations();
    while let Some(Ok(mut authorization)) = authorizations.next().await {
        let name = authorization.identifier().to_string();
        let Ok(state) = authorization.refresh().await else { continue };
        let problem = state.challenges.iter().find_map(|challenge| challenge.error.as_ref());
        reasons.extend(problem.map(|problem| format!("{name}: {problem}")));
    }
    Refused::NotFound(reasons)
}

/// What is to be signed, with a new key.
fn request(domains: &[Domain]) -> Result<(Vec<u8>, KeyPair), rcgen::Error> {
    let key = KeyPair::generate()?;
    let names: Vec<_> = domains.iter().map(|domain| domain.as_str().to_owned()).collect();
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name = DistinguishedName::new();
    Ok((params.serialize_request(&key)?.der().to_vec(), key))
}

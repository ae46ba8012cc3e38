//! What a certificate says of itself (RFC 5280 §4.1), as far as it is looked at here.

use std::net::IpAddr;

use rustls::pki_types::CertificateDer;
use time::OffsetDateTime;
use yasna::models::ObjectIdentifier;
use yasna::tags::{TAG_GENERALIZEDTIME, TAG_UTCTIME};
use yasna::{ASN1Error, ASN1ErrorKind, ASN1Result, BERReader, BERReaderSeq, Tag};

use super::period::Period;

/// Whom else it is for, among the extensions (§4.2.1.6), by its name.
const ALTERNATIVE_NAMES: [u64; 4] = [2, 5, 29, 17];

/// Whose it is, who vouches for that, and when.
#[derive(Debug)]
pub(super) struct Said {
    /// A name as it is encoded: who vouches has the same as its own.
    pub(super) issuer: Vec<u8>,
    pub(super) period: Period,
    pub(super) subject: Vec<u8>,
}

impl Said {
    /// By this certificate; nothing if it is none.
    pub(super) fn by(certificate: &CertificateDer<'_>) -> Option<Self> {
        yasna::parse_der(certificate, |certificate| {
            certificate.read_sequence(|parts| {
                let said = parts.next().read_sequence(signed)?;
                skip_rest(parts)?;
                Ok(said)
            })
        })
        .ok()
    }
}

fn signed(parts: &mut BERReaderSeq<'_, '_>) -> ASN1Result<Said> {
    let version = Tag::context(0);
    parts.read_optional(|part| part.read_tagged(version, |number| number.read_i64()))?;
    let _serial = parts.next().read_der()?;
    let _algorithm = parts.next().read_der()?;
    let issuer = parts.next().read_der()?;
    let period =
        parts.next().read_sequence(|ends| Ok(Period { start: time(ends.next())?, end: time(ends.next())? }))?;
    let subject = parts.next().read_der()?;
    skip_rest(parts)?;
    Ok(Said { issuer, period, subject })
}

fn time(part: BERReader<'_, '_>) -> ASN1Result<OffsetDateTime> {
    match part.lookahead_tag()? {
        TAG_UTCTIME => part.read_utctime().map(|time| *time.datetime()),
        TAG_GENERALIZEDTIME => part.read_generalized_time().map(|time| *time.datetime()),
        _ => Err(ASN1Error::new(ASN1ErrorKind::Invalid)),
    }
}

/// The addresses that a certificate is for, in its order.
pub(super) fn addresses(certificate: &CertificateDer<'_>) -> Vec<IpAddr> {
    let parts = yasna::parse_der(certificate, |certificate| {
        certificate.read_sequence(|parts| {
            let signed = parts.next().read_sequence(|parts| {
                let mut all = Vec::new();
                while let Some(part) = parts.read_optional(|part| part.read_der())? {
                    all.push(part);
                }
                Ok(all)
            })?;
            skip_rest(parts)?;
            Ok(signed)
        })
    });
    // The extensions come last, and have a tag.
    let extensions = parts.ok().and_then(|parts| names_in(parts.last()?).ok());
    extensions.unwrap_or_default().iter().flat_map(|names| addresses_in(names).unwrap_or_default()).collect()
}

/// The values of those extensions that are alternative names.
fn names_in(extensions: &[u8]) -> ASN1Result<Vec<Vec<u8>>> {
    let wanted = ObjectIdentifier::from_slice(&ALTERNATIVE_NAMES);
    let extension = |extension: BERReader<'_, '_>| {
        extension.read_sequence(|parts| {
            let kind = parts.next().read_oid()?;
            parts.read_optional(|is_critical| is_critical.read_bool())?;
            Ok(Some(parts.next().read_bytes()?).filter(|_| kind == wanted))
        })
    };
    let all =
        yasna::parse_der(extensions, |all| all.read_tagged(Tag::context(3), |all| all.collect_sequence_of(extension)))?;
    Ok(all.into_iter().flatten().collect())
}

fn addresses_in(names: &[u8]) -> ASN1Result<Vec<IpAddr>> {
    let address = Tag::context(7);
    let name = |name: BERReader<'_, '_>| {
        if name.lookahead_tag()? != address {
            return name.read_der().map(|_| None);
        }
        let bytes = name.read_tagged_implicit(address, |bytes| bytes.read_bytes())?;
        let v4 = <[u8; 4]>::try_from(&*bytes).ok().map(IpAddr::from);
        Ok(v4.or_else(|| <[u8; 16]>::try_from(&*bytes).ok().map(IpAddr::from)))
    };
    let all = yasna::parse_der(names, |all| all.collect_sequence_of(name))?;
    Ok(all.into_iter().flatten().collect())
}

fn skip_rest(parts: &mut BERReaderSeq<'_, '_>) -> ASN1Result<()> {
    while parts.read_optional(|part| part.read_der())?.is_some() {}
    Ok(())
}

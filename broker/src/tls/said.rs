//! What a certificate says of itself (RFC 5280 §4.1), as far as it is looked at here.

use rustls::pki_types::CertificateDer;
use time::OffsetDateTime;
use yasna::tags::{TAG_GENERALIZEDTIME, TAG_UTCTIME};
use yasna::{ASN1Error, ASN1ErrorKind, ASN1Result, BERReader, BERReaderSeq, Tag};

use super::period::Period;

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

fn skip_rest(parts: &mut BERReaderSeq<'_, '_>) -> ASN1Result<()> {
    while parts.read_optional(|part| part.read_der())?.is_some() {}
    Ok(())
}

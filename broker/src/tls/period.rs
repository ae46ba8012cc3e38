//! When a certificate is valid. TLS serves one that is not just as well, and every browser refuses it: better said here than there.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use time::OffsetDateTime;

use super::said::Said;

/// From when to when a certificate is valid, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Period {
    pub(crate) start: OffsetDateTime,
    pub(crate) end: OffsetDateTime,
}

/// Why a certificate is not valid now.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadPeriod {
    /// It has been.
    #[error("the certificate in {0} expired on {1}: renew it or, if that is not so, set this machine's clock")]
    Over(PathBuf, Moment),
    /// It will be.
    #[error(
        "the certificate in {0} is valid from {1} only: wait until then or, if that is past, set this machine's clock"
    )]
    Ahead(PathBuf, Moment),
}

/// A time as people read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment(OffsetDateTime);

impl From<OffsetDateTime> for Moment {
    fn from(time: OffsetDateTime) -> Self {
        Self(time)
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (date, time) = (self.0.date(), self.0.time());
        let (year, month, day) = (date.year(), u8::from(date.month()), date.day());
        write!(f, "{year}-{month:02}-{day:02} {:02}:{:02} UTC", time.hour(), time.minute())
    }
}

impl Period {
    /// Of this certificate; nothing if it is none.
    pub(crate) fn of(certificate: &CertificateDer<'_>) -> Option<Self> {
        Said::by(certificate).map(|said| said.period)
    }

    /// Its end.
    pub(crate) fn until(&self) -> Moment {
        Moment(self.end)
    }

    /// How long there is until two thirds of its time are over, and it is to be renewed; nothing if they are.
    pub(crate) fn until_renewal(&self, now: OffsetDateTime) -> Option<Duration> {
        let left = self.start + self.before_renewal() - now;
        left.try_into().ok().filter(|left: &Duration| !left.is_zero())
    }

    /// Whether one that was issued just now is not to be renewed so soon that asking for the next would have no end.
    pub(crate) fn lasts(&self, now: OffsetDateTime) -> bool {
        self.until_renewal(now).is_some_and(|left| left > self.before_renewal() / 10)
    }

    fn before_renewal(&self) -> time::Duration {
        (self.end - self.start) * 2 / 3
    }

    /// Refuses a certificate, the one in this file, outside of its time.
    pub(crate) fn admit(&self, now: OffsetDateTime, path: &Path) -> Result<(), BadPeriod> {
        if now > self.end {
            return Err(BadPeriod::Over(path.into(), Moment(self.end)));
        }
        if now < self.start {
            return Err(BadPeriod::Ahead(path.into(), Moment(self.start)));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::Duration;

    fn made(start: OffsetDateTime, end: OffsetDateTime) -> CertificateDer<'static> {
        let key = rcgen::KeyPair::generate().expect("a key");
        let mut params = rcgen::CertificateParams::new(["meet.example".to_owned()]).expect("a name");
        (params.not_before, params.not_after) = (start, end);
        params.self_signed(&key).expect("a certificate").der().clone()
    }

    #[test]
    fn a_certificate_says_when_it_is_valid() {
        // Beyond 2049 a time is written in another way.
        for years in [1, 40] {
            let start = rcgen::date_time_ymd(2024, 2, 29);
            let end = start + Duration::days(365 * years);
            let certificate = made(start, end);
            assert_eq!(Period::of(&certificate), Some(Period { start, end }));
            for length in 0..certificate.len() {
                let cut = CertificateDer::from(&certificate[..length]);
                assert_eq!(Period::of(&cut), None, "{length}");
            }
        }
    }

    #[test]
    fn one_of_ninety_days_is_renewed_after_sixty_and_lasts_unless_the_clock_is_nearly_so_far_ahead() {
        let start = rcgen::date_time_ymd(2026, 1, 1);
        let period = Period { start, end: start + Duration::days(90) };
        for (days, left, lasts) in
            [(-1, 61, true), (0, 60, true), (53, 7, true), (55, 5, false), (60, 0, false), (91, 0, false)]
        {
            let now = start + Duration::days(days);
            let seconds = period.until_renewal(now).map_or(0, |left| left.as_secs());
            assert_eq!((seconds / 86_400, period.lasts(now)), (left, lasts), "{days}");
        }
    }

    #[test]
    fn outside_of_its_time_it_is_refused_and_the_clock_suspected() {
        let period = Period { start: rcgen::date_time_ymd(2026, 1, 2), end: rcgen::date_time_ymd(2026, 4, 1) };
        let at = |now| period.admit(now, Path::new("chain.pem")).map_err(|error| error.to_string());
        assert_eq!((at(period.start), at(period.end)), (Ok(()), Ok(())));
        let over = at(period.end + Duration::SECOND).expect_err("over");
        assert!(over.starts_with("the certificate in chain.pem expired on 2026-04-01 00:00 UTC: renew it"), "{over}");
        let ahead = at(period.start - Duration::SECOND).expect_err("ahead");
        assert!(ahead.contains("valid from 2026-01-02 00:00 UTC only") && ahead.contains("clock"), "{ahead}");
    }
}

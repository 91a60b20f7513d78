use std::net::IpAddr;

use ureq::http::Uri;

use crate::FetchError;

/// A web address that may be asked: https, or http on a loopback address.
#[derive(Clone, Debug)]
pub(crate) struct Address {
    uri: Uri,
    is_https: bool,
    is_loopback: bool,
}

impl Address {
    pub(crate) fn new(url: &str) -> Result<Self, FetchError> {
        let bad = || FetchError::BadAddress {
            url: url.to_owned(),
        };
        let uri: Uri = url.parse().map_err(|_| bad())?;
        let host = uri.host().ok_or_else(bad)?;
        let is_loopback = host
            .trim_matches(['[', ']'])
            .parse()
            .is_ok_and(|ip: IpAddr| ip.is_loopback());
        let is_https = uri.scheme_str() == Some("https");
        if is_https || (is_loopback && uri.scheme_str() == Some("http")) {
            Ok(Self {
                uri,
                is_https,
                is_loopback,
            })
        } else {
            Err(FetchError::InsecureAddress {
                url: url.to_owned(),
            })
        }
    }

    pub(crate) fn is_loopback(&self) -> bool {
        self.is_loopback
    }

    pub(crate) fn uri(&self) -> &Uri {
        &self.uri
    }

    /// Where a `Location` header leads from here (RFC 9110, 10.2.2).
    pub(crate) fn redirected(&self, location: &str) -> Result<Self, FetchError> {
        let scheme = if self.is_https { "https" } else { "http" };
        let authority = self.uri.authority().map_or("", |part| part.as_str());
        let path = self.uri.path();
        let names_scheme = location
            .split_once(':')
            .is_some_and(|(before, _)| !before.contains(['/', '?', '#']));
        let url = if names_scheme {
            location.to_owned()
        } else if location.starts_with("//") {
            format!("{scheme}:{location}")
        } else if location.starts_with('/') {
            format!("{scheme}://{authority}{location}")
        } else {
            let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
            format!("{scheme}://{authority}{folder}/{location}")
        };
        let next = Self::new(&url)?;
        if self.is_https && !next.is_https {
            return Err(FetchError::InsecureAddress { url });
        }
        Ok(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_https_and_loopback_http_are_allowed() {
        for good in [
            "https://example.org/a.tar.gz",
            "http://127.0.0.1:8000/a",
            "http://[::1]:8000/a",
        ] {
            assert!(Address::new(good).is_ok(), "{good}");
        }
        for bad in [
            "http://example.org/a",
            "http://127.0.0.1.example.org/a",
            "http://127.0.0.1@example.org/a",
            "http://localhost/a",
            "ftp://127.0.0.1/a",
        ] {
            let refused = Address::new(bad);
            assert!(
                matches!(refused, Err(FetchError::InsecureAddress { .. })),
                "{bad}: {refused:?}"
            );
        }
        assert!(matches!(
            Address::new("cifar.tar.gz"),
            Err(FetchError::BadAddress { .. } | FetchError::InsecureAddress { .. })
        ));
    }

    #[test]
    fn redirects_may_be_relative_but_never_lose_https() {
        let from = Address::new("https://example.org/~kriz/a.tar.gz").unwrap();
        let to = |location: &str| from.redirected(location).map(|a| a.uri.to_string());
        assert_eq!(to("b.gz").unwrap(), "https://example.org/~kriz/b.gz");
        assert_eq!(to("/c.gz").unwrap(), "https://example.org/c.gz");
        assert_eq!(to("//b.org/d.gz").unwrap(), "https://b.org/d.gz");
        assert_eq!(to("https://b.org/e").unwrap(), "https://b.org/e");
        for bad in [
            "http://example.org/a",
            "http://127.0.0.1/a",
            "file:///etc/passwd",
        ] {
            assert!(to(bad).is_err(), "{bad}");
        }
    }
}

//! Regions, and the addresses that they have.

use std::fmt;

use url::Url;

use crate::error::{Error, ErrorKind, Result};

/// An AWS region, such as `eu-central-1`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Region(String);

impl Region {
    pub(super) fn new(name: &str) -> Result<Self> {
        let parts: Vec<&str> = name.split('-').collect();
        let word = |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase());
        let (last, words) = parts.split_last().unwrap_or((&"", &[]));
        let number = !last.is_empty() && last.bytes().all(|b| b.is_ascii_digit());
        if words.len() < 2 || name.len() > 40 || !number || !words.iter().all(word) {
            let text = "that is no AWS region: write it like eu-central-1";
            return Err(Error::new(ErrorKind::InvalidInput, text));
        }
        Ok(Self(name.to_owned()))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// The public address of a service there.
    ///
    /// Source: `partitions.json` of botocore. Partitions that are closed to the public need an address of the caller's.
    pub(super) fn address(&self, service: &str) -> Result<Url> {
        let first = self.0.split('-').next().unwrap_or_default();
        let closed = first == "eusc" || self.0.split('-').any(|part| part.starts_with("iso"));
        let suffix = if first == "cn" { "amazonaws.com.cn" } else { "amazonaws.com" };
        let address = Url::parse(&format!("https://{service}.{}.{suffix}/", self.0)).ok();
        address.filter(|_| !closed).ok_or_else(|| {
            let text = "the addresses of this region's partition are not known here: give it with `endpoint`";
            Error::new(ErrorKind::Configuration, text)
        })
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_is_checked_before_it_becomes_a_host() {
        for good in ["eu-central-1", "us-gov-west-1", "ap-southeast-2", "cn-north-1", "us-iso-east-1"] {
            assert!(Region::new(good).is_ok(), "{good}");
        }
        for bad in
            ["", "eu", "eu-central", "EU-central-1", "eu-central-1.evil.example", "eu--1", "eu-central-1/", "-a-1"]
        {
            assert_eq!(Region::new(bad).unwrap_err().kind(), ErrorKind::InvalidInput, "{bad}");
        }
    }

    #[test]
    fn an_address_follows_from_the_partition() {
        let address = |region: &str| Region::new(region).unwrap().address("codepipeline").map(|url| url.to_string());
        assert_eq!(address("eu-central-1").unwrap(), "https://codepipeline.eu-central-1.amazonaws.com/");
        assert_eq!(address("us-gov-west-1").unwrap(), "https://codepipeline.us-gov-west-1.amazonaws.com/");
        assert_eq!(address("cn-north-1").unwrap(), "https://codepipeline.cn-north-1.amazonaws.com.cn/");
        for closed in ["us-iso-east-1", "us-isob-east-1", "eusc-de-east-1"] {
            assert_eq!(address(closed).unwrap_err().kind(), ErrorKind::Configuration, "{closed}");
        }
    }
}

//! What a token looks like. Formats change without notice, so this only ever warns.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Token;

/// The kind of token that a prefix announces.
///
/// Sources: GitHub, "Behind GitHub's new authentication token formats" (2021); GitLab, "Token prefixes".
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Format {
    /// `ghp_`: GitHub personal access token (classic).
    GitHubClassic,
    /// `github_pat_`: GitHub fine-grained personal access token.
    GitHubFineGrained,
    /// `gho_`: token of a GitHub OAuth app.
    GitHubOAuth,
    /// `ghu_`: user token of a GitHub App.
    GitHubAppUser,
    /// `ghs_`: installation token of a GitHub App.
    GitHubInstallation,
    /// `ghr_`: refresh token of a GitHub App.
    GitHubRefresh,
    /// `glpat-`: GitLab personal, project or group access token.
    GitLab,
}

const PREFIXES: &[(&str, Format)] = &[
    ("github_pat_", Format::GitHubFineGrained),
    ("ghp_", Format::GitHubClassic),
    ("gho_", Format::GitHubOAuth),
    ("ghu_", Format::GitHubAppUser),
    ("ghs_", Format::GitHubInstallation),
    ("ghr_", Format::GitHubRefresh),
    ("glpat-", Format::GitLab),
];

/// Something about a pasted token that looks odd. A warning, never a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Hint {
    /// There was white space around the paste; it was cut off.
    Trimmed,
    /// The checksum that tokens of this format carry does not match: a character is missing, doubled or wrong.
    Checksum(Format),
}

impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Trimmed => "there was white space around the token; it was cut off",
            Self::Checksum(_) => "the checksum inside the token does not match: it was probably cut short or mistyped",
        })
    }
}

impl Token {
    /// The kind that its prefix announces.
    #[must_use]
    pub fn format(&self) -> Option<Format> {
        PREFIXES.iter().find(|(prefix, _)| self.expose().starts_with(prefix)).map(|(_, format)| *format)
    }

    /// The GitHub App whose installation token it is, where its number stands in it: `ghs_<number>_`, and three parts with
    /// dots between them.
    #[cfg(feature = "github-app")]
    pub(crate) fn app_number(&self) -> Option<u64> {
        let (app, rest) = self.expose().strip_prefix("ghs_")?.split_once('_')?;
        if rest.matches('.').count() == 2 { app.parse().ok() } else { None }
    }

    /// What looks odd about it.
    #[must_use]
    pub fn hints(&self) -> Vec<Hint> {
        if self.format() == Some(Format::GitLab) {
            let odd = self.expose().contains('.') && !routable_checksum_matches(self.expose());
            return if odd { vec![Hint::Checksum(Format::GitLab)] } else { Vec::new() };
        }
        let carries = |format: &Format| {
            matches!(
                format,
                Format::GitHubClassic | Format::GitHubOAuth | Format::GitHubAppUser | Format::GitHubRefresh
            )
        };
        let Some(checked) = self.format().filter(carries) else {
            return Vec::new();
        };
        if checksum_matches(&self.expose()["ghp_".len()..]) { Vec::new() } else { vec![Hint::Checksum(checked)] }
    }
}

/// The last six characters of a body are the CRC-32 of the rest, in base 62.
///
/// GitHub says only "CRC32" and "Base62"; digits before capitals before small letters, and the prefix left out, were
/// measured on published samples.
fn checksum_matches(body: &str) -> bool {
    const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let Some((text, given)) = body.len().checked_sub(6).map(|at| body.split_at(at)) else {
        return false;
    };
    let mut rest = crc32fast::hash(text.as_bytes()) as usize;
    given.bytes().rev().all(|digit| {
        let expected = DIGITS[rest % 62];
        rest /= 62;
        digit == expected
    })
}

/// The last seven characters of a routable GitLab token, which has a dot in it, are the CRC-32 of all before them, in base
/// 36. Older ones have neither.
///
/// Source: `authn/token_field/generator/routable_token.rb` (GitLab's source); that the prefix counts was measured on a
/// published sample.
fn routable_checksum_matches(token: &str) -> bool {
    const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
    let Some((text, given)) = token.len().checked_sub(7).map(|at| token.split_at(at)) else {
        return false;
    };
    let mut rest = crc32fast::hash(text.as_bytes()) as usize;
    given.bytes().rev().all(|digit| {
        let expected = DIGITS[rest % 36];
        rest /= 36;
        digit == expected
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hints(text: &str) -> Vec<Hint> {
        Token::new(text).unwrap().hints()
    }

    #[test]
    fn the_checksum_of_synthetic_tokens_matches_the_published_rule() {
        for (body, sum) in [
            ("A".repeat(30), "0uCPlr"),
            ("abcdefghijklmnopqrstuvwxyz0123".to_owned(), "2LolCm"),
            ("TESTVECTOR00000000000000000054".to_owned(), "00Cixr"),
            ("A".repeat(70), "2pl4EB"),
        ] {
            assert!(checksum_matches(&format!("{body}{sum}")), "{body}");
            assert!(hints(&format!("ghp_{body}{sum}")).is_empty());
        }
    }

    #[test]
    fn the_checksum_of_a_routable_token_matches_in_both_versions() {
        let body = "glpat-bzoxCnU6MmEAAQIDBAUGBwgJCgsMDQ4PEA";
        for whole in [format!("{body}.0y08y3oft"), format!("{body}.01.0y0860pi9")] {
            assert!(hints(&whole).is_empty(), "{whole}");
            assert_eq!(hints(&whole[..whole.len() - 1]), [Hint::Checksum(Format::GitLab)]);
        }
    }

    #[test]
    fn a_hint_says_what_looks_odd() {
        assert!(Hint::Trimmed.to_string().contains("white space"));
        assert!(Hint::Checksum(Format::GitLab).to_string().contains("cut short or mistyped"));
    }

    #[test]
    fn a_token_cut_short_gets_a_hint_and_nothing_else_does() {
        let whole = format!("ghp_{}0uCPlr", "A".repeat(30));
        assert_eq!(hints(&whole[..whole.len() - 1]), [Hint::Checksum(Format::GitHubClassic)]);
        assert_eq!(hints("ghp_x"), [Hint::Checksum(Format::GitHubClassic)]);
        for other in ["ghs_123_abc.def.ghi", "github_pat_FAKE", "glpat-FAKE", "0123456789abcdef"] {
            assert!(hints(other).is_empty(), "{other}");
        }
    }
}

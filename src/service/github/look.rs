//! Looks at a token with the token itself, and tries it on repositories.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use super::api::{Api, User};
use super::{Addresses, grant};
use crate::error::{Error, ErrorKind, Result};
use crate::token::{Fingerprint, Grant, Token};

/// A repository on which tokens are tried.
#[derive(Clone, Debug)]
struct Repository {
    owner: String,
    name: String,
    administer: bool,
}

impl Repository {
    fn parse(text: &str, administer: bool) -> Result<Self> {
        match text.split_once('/') {
            Some((owner, name)) if !owner.is_empty() && !name.is_empty() && !name.contains('/') => {
                Ok(Self { owner: owner.to_owned(), name: name.to_owned(), administer })
            }
            _ => Err(Error::new(ErrorKind::Configuration, "a repository is written as owner/name: correct it")),
        }
    }
}

/// Looks at tokens of one GitHub: `GET /user`, which needs no scope. Dead tokens are looked at sparingly, as GitHub locks an
/// account, its live tokens included, after several refused logins in a short time.
#[derive(Debug)]
pub(super) struct Looks {
    api: Api,
    addresses: Addresses,
    /// As whose the tokens of unknown owner count. Where that is not said either, all of them count as one account's: they
    /// may be, and GitHub locks the account that dead ones were of.
    ///
    /// Source: "Failed login limit", "Authenticating to the REST API" (GitHub documentation).
    account: Option<String>,
    repositories: Vec<Repository>,
    /// Whose the tokens are that were seen alive.
    owners: Mutex<BTreeMap<Fingerprint, Owner>>,
}

#[derive(Clone, Debug)]
struct Owner {
    login: String,
    /// It may be dead by now.
    doomed: bool,
}

impl Looks {
    /// With the repositories, as `owner/name`, that a token must be able to read or to administer.
    pub(super) fn new(
        api: &Api,
        addresses: &Addresses,
        account: Option<String>,
        readable: &[String],
        administrable: &[String],
    ) -> Result<Self> {
        let administrable = administrable.iter().map(|name| Repository::parse(name, true));
        let readable = readable.iter().map(|name| Repository::parse(name, false));
        Ok(Self {
            api: api.clone(),
            addresses: addresses.clone(),
            account,
            repositories: administrable.chain(readable).collect::<Result<_>>()?,
            owners: Mutex::default(),
        })
    }

    /// What the token is, and what it could do.
    pub(super) async fn inspect(&self, token: &Token) -> Result<Grant> {
        let grant = self.look(token).await?;
        self.tried(token, grant).await
    }

    /// What a token is that its app does not know: another app's may be alive.
    pub(super) async fn of_another(&self, token: &Token) -> Result<Option<Grant>> {
        match self.inspect(token).await {
            Ok(grant) => Ok(Some(grant)),
            Err(error) if error.kind() == ErrorKind::Unauthenticated => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn owner(&self, token: Fingerprint) -> Option<Owner> {
        self.owners.lock().unwrap_or_else(PoisonError::into_inner).get(&token).cloned()
    }

    fn remember(&self, token: Fingerprint, login: &str) {
        let mut owners = self.owners.lock().unwrap_or_else(PoisonError::into_inner);
        owners.entry(token).or_insert_with(|| Owner { login: login.to_owned(), doomed: false });
    }

    /// From now on it is asked with care.
    pub(super) fn doom(&self, token: Fingerprint) {
        if let Some(owner) = self.owners.lock().unwrap_or_else(PoisonError::into_inner).get_mut(&token) {
            owner.doomed = true;
        }
    }

    async fn look(&self, token: &Token) -> Result<Grant> {
        let fingerprint = token.fingerprint();
        let known = self.owner(fingerprint);
        let expected = self.account.as_deref().unwrap_or_default();
        let account = known.as_ref().map_or(expected, |owner| owner.login.as_str());
        let refusals = self.api.endpoint().refusals();
        let _turn =
            if known.as_ref().is_none_or(|owner| owner.doomed) { Some(refusals.admit(account).await?) } else { None };
        let answer = match self.api.user(token, account).await {
            Ok(answer) => answer,
            Err(error) => {
                if error.kind() == ErrorKind::Unauthenticated {
                    refusals.count(account);
                    self.doom(fingerprint);
                }
                return Err(error);
            }
        };
        let user: User = answer.json()?;
        self.remember(fingerprint, &user.login);
        Ok(grant::of_headers(&answer, token, &user.login, self.addresses.public).with_api(self.addresses.api.clone()))
    }

    /// How many requests a look sends.
    pub(super) fn trips(&self) -> u32 {
        self.repositories.iter().fold(1, |trips, repository| trips + 1 + u32::from(repository.administer))
    }

    /// What became of trying it on each repository.
    pub(super) async fn tried(&self, token: &Token, mut grant: Grant) -> Result<Grant> {
        for Repository { owner, name, administer } in &self.repositories {
            let path = format!("{owner}/{name}");
            let answer = self.api.repository(token, &grant.owner, owner, name).await?;
            let (probe, seen) = grant::readable(&answer, &path)?;
            grant = grant.with_probe(probe);
            if let Some(restriction) = grant::restriction(&answer, token, owner) {
                grant = grant.with_restriction(restriction);
            }
            if *administer {
                let webhooks = match &seen {
                    Some(_) => Some(self.api.webhooks(token, &grant.owner, owner, name).await?),
                    None => None,
                };
                grant = grant.with_probe(grant::administrable(&path, seen.as_ref(), webhooks.as_ref()));
            }
        }
        Ok(grant)
    }
}

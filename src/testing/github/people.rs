//! People and apps at a GitHub's pages below `/login`.

use std::time::Duration;

use super::GitHubFake;
use super::logins::{Asked, Registered, Said};
use super::state::Kind;
use crate::error::{Error, ErrorKind, Result};
use crate::token::Token;

impl GitHubFake {
    /// An OAuth app, with its secret, that may use the device flow. Its tokens (`gho_`) do not expire.
    pub fn device_flow_app(&self, client_id: &str, client_secret: &str) {
        self.oauth_app(client_id, client_secret);
        self.with_app(client_id, |app| app.device_flow = true);
    }

    /// The app is a GitHub App: its tokens (`ghu_`) have no scopes.
    pub fn is_github_app(&self, client_id: &str) {
        self.with_app(client_id, |app| app.github_app = true);
    }

    /// The app's tokens expire after 8 hours, and come with refresh tokens.
    pub fn expire_tokens_of(&self, client_id: &str) {
        self.with_app(client_id, |app| app.expiring = true);
    }

    /// The app's owner switches its device flow off.
    pub fn disable_device_flow(&self, client_id: &str) {
        self.with_app(client_id, |app| app.device_flow = false);
    }

    fn with_app(&self, client_id: &str, change: impl FnOnce(&mut Registered)) {
        change(self.world.lock().login.apps.entry(client_id.to_owned()).or_default());
    }

    /// A token that a user gave an app before, with its refresh token where the app's tokens expire; by the device flow, or
    /// by a browser.
    #[must_use]
    pub fn user_token(&self, client_id: &str, owner: &str, scopes: &str, by_device: bool) -> (Token, Option<Token>) {
        self.world.lock().give(client_id, owner, scopes, by_device)
    }

    /// A person who is signed in types a code, sees what the app asks for, and agrees.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] for a code that nobody was shown, or that counts no more; [`ErrorKind::Conflict`] for one
    /// that was entered before.
    pub fn enter_code(&self, login: &str, user_code: &str) -> Result<()> {
        self.answer_code(user_code, Said::Yes { login: login.to_owned() })
    }

    /// A person types a code, and presses "Cancel".
    ///
    /// # Errors
    ///
    /// As [`enter_code`](Self::enter_code).
    pub fn deny_code(&self, user_code: &str) -> Result<()> {
        self.answer_code(user_code, Said::No)
    }

    fn answer_code(&self, user_code: &str, said: Said) -> Result<()> {
        let mut state = self.world.lock();
        let now = state.clock.now();
        let shown = |code: &&mut Asked| code.user_code == user_code && code.ends > now;
        let code = state.login.codes.iter_mut().find(shown);
        let code = code.ok_or_else(|| Error::new(ErrorKind::NotFound, "this code counts not, or no more"))?;
        if code.said != Said::Nothing {
            return Err(Error::new(ErrorKind::Conflict, "this code was entered before"));
        }
        code.said = said;
        Ok(())
    }

    // -- how the server behaves ---------------------------------------------------------------------------------------

    /// New codes count for so long.
    pub fn codes_count_for(&self, life: Duration) {
        self.world.lock().login.code_life = life;
    }

    /// Numbers stand as text in answers, as older ones had them.
    pub fn numbers_as_text(&self) {
        self.world.lock().login.numbers_as_text = true;
    }

    /// A code that expired is called `token_expired`, and not `expired_token`.
    pub fn expired_by_the_other_word(&self) {
        self.world.lock().login.other_word = true;
    }

    /// An app that ends a token ends the refresh token that came with it from now on: whether GitHub does is not documented.
    pub fn ends_tokens_as_pairs(&self) {
        self.world.lock().login.ends_pairs = true;
    }

    /// A code that was used up is called expired, whatever its time.
    pub fn calls_used_codes_expired(&self) {
        self.world.lock().login.used_is_expired = true;
    }

    /// Answers are forms from now on, as if a proxy took the `Accept` header away.
    pub fn answers_in_forms(&self) {
        self.world.lock().login.forms = true;
    }

    /// Answers to a refresh leave the refresh token out.
    pub fn forget_refresh_tokens(&self) {
        self.world.lock().login.forgetful = true;
    }

    /// Polls must come no sooner than after so many seconds more than before, from now on.
    pub fn wants_slower_polls(&self, seconds: u64) {
        self.world.lock().login.codes.iter_mut().for_each(|code| code.interval += seconds);
    }

    // -- the truth ----------------------------------------------------------------------------------------------------

    /// How many codes it has given out.
    #[must_use]
    pub fn codes_given(&self) -> usize {
        self.world.lock().login.codes.len()
    }

    /// The device codes that it has given out.
    #[must_use]
    pub fn device_codes(&self) -> Vec<String> {
        self.world.lock().login.codes.iter().map(|code| code.device_code.clone()).collect()
    }

    /// How many polls came too soon.
    #[must_use]
    pub fn polls_too_soon(&self) -> usize {
        self.world.lock().login.too_soon
    }

    /// How often this refresh token was presented.
    #[must_use]
    pub fn refreshes_with(&self, refresh_token: &Token) -> usize {
        let state = self.world.lock();
        state.login.refreshes.iter().find(|refresh| refresh.value == *refresh_token).map_or(0, |found| found.presented)
    }

    /// Whether a refresh token counts.
    #[must_use]
    pub fn renews_with(&self, refresh_token: &Token) -> bool {
        let state = self.world.lock();
        let now = state.clock.now();
        let found = state.login.refreshes.iter().find(|refresh| refresh.value == *refresh_token);
        found.is_some_and(|refresh| !refresh.spent && refresh.ends > now)
    }

    /// The refresh token that came with this token.
    #[must_use]
    pub fn refresh_token_of(&self, token: &Token) -> Option<Token> {
        let state = self.world.lock();
        state.login.refreshes.iter().find(|refresh| refresh.of == *token).map(|found| found.value.clone())
    }

    /// The live tokens of this app, the oldest first.
    #[must_use]
    pub fn tokens_of(&self, client_id: &str) -> Vec<Token> {
        let state = self.world.lock();
        let now = state.clock.now();
        let of = [Kind::OAuth(client_id.to_owned()), Kind::AppUser(client_id.to_owned())];
        let live = state.tokens.iter().filter(|entry| of.contains(&entry.kind) && entry.is_alive(now));
        live.map(|entry| entry.token.clone()).collect()
    }
}

//! What of Codefresh's schemas is published and needed here.
//!
//! Source: `pkg/model/platform/models_gen.go`, `pkg/model/app-proxy/models_gen.go` and the operations in `pkg/graphql` and
//! `pkg/appproxy` (codefresh-io/go-sdk 1.4.15). Lists and nullability are left out: answers are put together whole.

/// What can be asked of one of the two.
#[derive(Clone, Copy)]
pub(super) struct Schema {
    types: &'static [(&'static str, &'static [Known])],
    inputs: &'static [Input],
    /// An app-proxy from before `users` was added.
    pub(super) without_users: bool,
}

/// A field that can be asked for.
pub(super) struct Known {
    name: &'static str,
    pub(super) arguments: &'static [(&'static str, &'static str)],
    pub(super) of: Type,
}

#[derive(Clone, Copy)]
pub(super) enum Type {
    Scalar,
    Object(&'static str),
}

/// An object that can be sent.
pub(super) struct Input {
    pub(super) name: &'static str,
    pub(super) fields: &'static [(&'static str, &'static str)],
}

const fn scalar(name: &'static str) -> Known {
    Known { name, arguments: &[], of: Type::Scalar }
}

const fn object(name: &'static str, of: &'static str) -> Known {
    Known { name, arguments: &[], of: Type::Object(of) }
}

const fn with(name: &'static str, arguments: &'static [(&'static str, &'static str)], of: &'static str) -> Known {
    Known { name, arguments, of: Type::Object(of) }
}

/// The platform's, as far as needed.
pub(super) const PLATFORM: Schema = Schema {
    types: &[
        (
            "Query",
            &[
                object("me", "User"),
                with("runtime", &[("name", "String!")], "Runtime"),
                object("runtimes", "RuntimeSlice"),
            ],
        ),
        (
            "User",
            &[scalar("id"), scalar("name"), scalar("email"), scalar("isAdmin"), object("activeAccount", "Account")],
        ),
        ("Account", &[scalar("id"), scalar("name"), scalar("admins"), scalar("gitProvider"), scalar("gitApiUrl")]),
        (
            "Runtime",
            &[
                object("metadata", "ObjectMeta"),
                scalar("ingressHost"),
                scalar("internalIngressHost"),
                scalar("accessMode"),
                scalar("installationStatus"),
                scalar("gitProvider"),
                scalar("runtimeVersion"),
                scalar("managed"),
                scalar("cluster"),
            ],
        ),
        ("ObjectMeta", &[scalar("name"), scalar("namespace")]),
        ("RuntimeSlice", &[object("edges", "RuntimeEdge"), object("pageInfo", "SliceInfo")]),
        ("RuntimeEdge", &[object("node", "Runtime"), scalar("cursor")]),
        ("SliceInfo", &[scalar("startCursor"), scalar("endCursor"), scalar("hasNextPage"), scalar("hasPrevPage")]),
    ],
    inputs: &[],
    without_users: false,
};

/// An app-proxy's, as far as needed.
pub(super) const APP_PROXY: Schema = Schema {
    types: &[
        (
            "Query",
            &[
                object("gitIntegrations", "GitIntegration"),
                with("gitIntegration", &[("name", "String")], "GitIntegration"),
            ],
        ),
        (
            "Mutation",
            &[
                with("registerToGitIntegration", &[("args", "RegisterToGitIntegrationArgs!")], "GitIntegration"),
                with("deregisterFromGitIntegration", &[("name", "String")], "GitIntegration"),
            ],
        ),
        (
            "GitIntegration",
            &[
                scalar("name"),
                scalar("sharingPolicy"),
                scalar("provider"),
                scalar("apiUrl"),
                scalar("registeredUsers"),
                object("users", "UserGitIntegration"),
            ],
        ),
        ("UserGitIntegration", &[scalar("userId"), scalar("isValid")]),
    ],
    inputs: &[Input {
        name: "RegisterToGitIntegrationArgs",
        fields: &[
            ("name", "String"),
            ("token", "String!"),
            ("refreshToken", "String"),
            ("username", "String"),
            ("userId", "String"),
            ("accountId", "String"),
            ("isAdmin", "Boolean"),
            ("tokenType", "TokenType"),
        ],
    }],
    without_users: false,
};

impl Schema {
    pub(super) fn field(&self, on: &str, name: &str) -> Option<&'static Known> {
        if self.without_users && name == "users" {
            return None;
        }
        let (_, fields) = self.types.iter().find(|(known, _)| *known == on)?;
        fields.iter().find(|field| field.name == name)
    }

    pub(super) fn input(&self, name: &str) -> Option<&'static Input> {
        self.inputs.iter().find(|input| input.name == name)
    }
}

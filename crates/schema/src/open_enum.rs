//! Enumerations that a newer producer may extend.

/// Defines an enumeration of strings whose `Unknown` variant keeps a value that this version does not know.
#[macro_export]
#[doc(hidden)]
macro_rules! open_enum {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)+
            /// A value that this version does not know, as it was written.
            Unknown(Box<str>),
        }

        impl $name {
            /// The values that this version knows, as they are written.
            pub const KNOWN: &[&str] = &[$($text),+];

            /// Returns the value as it is written.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $text,)+
                    Self::Unknown(text) => text,
                }
            }

            /// Returns whether this is a value that this version does not know.
            pub fn is_unknown(&self) -> bool {
                matches!(self, Self::Unknown(_))
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                match text {
                    $($text => Self::$variant,)+
                    _ => Self::Unknown(text.into()),
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        $crate::open_enum_schema!($name, $($text),+);

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                /// A bare `Cow` would always be copied.
                #[derive(serde::Deserialize)]
                struct Text<'a>(#[serde(borrow)] std::borrow::Cow<'a, str>);
                let Text(text) = Text::deserialize(deserializer)?;
                Ok(Self::from(&*text))
            }
        }
    };
}

/// Describes an open enumeration as a string with the known values as examples.
#[cfg(feature = "schemars")]
#[macro_export]
#[doc(hidden)]
macro_rules! open_enum_schema {
    ($name:ident, $($text:literal),+) => {
        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({
                    "type": "string",
                    "description": "One of the examples, or a value that a newer producer wrote.",
                    "examples": [$($text),+],
                })
            }
        }
    };
}

/// Describes nothing: the `schemars` feature is off.
#[cfg(not(feature = "schemars"))]
#[macro_export]
#[doc(hidden)]
macro_rules! open_enum_schema {
    ($name:ident, $($text:literal),+) => {};
}

pub(crate) use open_enum;

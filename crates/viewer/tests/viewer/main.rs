//! Tests of the viewer's data and of its server.

#[cfg(test)]
mod api_types;
#[cfg(test)]
mod columns;
#[cfg(test)]
mod data;
#[cfg(test)]
mod following;
#[cfg(test)]
mod server;
#[cfg(test)]
mod sizes;
#[cfg(test)]
mod typescript;

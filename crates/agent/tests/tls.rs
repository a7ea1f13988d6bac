//! A model that is served over TLS.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{path::PathBuf, process::Command, sync::Arc};

use rollout_trace_scripted_model::{Script, ScriptedModel};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig, crypto,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    },
};

/// Returns the path of a file that `tls/make` created.
fn file(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests/tls", name].iter().collect()
}

fn acceptor() -> TlsAcceptor {
    let certificate = CertificateDer::from_pem_file(file("server.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(file("server.key")).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()));
    let config = config.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    TlsAcceptor::from(Arc::new(config.with_single_cert(vec![certificate], key).unwrap()))
}

/// Serves a model over TLS, and returns its base URL.
async fn secured(model: &ScriptedModel) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://localhost:{}/v1", listener.local_addr().unwrap().port());
    let inner = model.base_url().trim_start_matches("http://").trim_end_matches("/v1").to_owned();
    tokio::spawn(async move {
        let acceptor = acceptor();
        while let Ok((stream, _)) = listener.accept().await {
            // A client that does not trust the certificate closes the connection.
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let mut plain = TcpStream::connect(&inner).await.unwrap();
            tokio::spawn(async move { copy_bidirectional(&mut stream, &mut plain).await });
        }
    });
    url
}

#[test]
fn the_user_decides_which_certificates_are_trusted() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let script = "[[reply]]\n[[reply.item]]\nsay = \"In secret.\"";
    let (_model, url) = runtime.block_on(async {
        let model = ScriptedModel::start(Script::parse("test", script).unwrap()).await.unwrap();
        let url = secured(&model).await;
        (model, url)
    });
    let run = |authority: Option<PathBuf>| {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_rollout-trace-agent"));
        command.args(["run", "--no-trace", "--base-url", &url, "Whisper."]).current_dir(folder.path());
        command.env_remove("SSL_CERT_FILE").env_remove("SSL_CERT_DIR");
        command.envs(authority.map(|authority| ("SSL_CERT_FILE", authority)));
        let output = command.output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    let (code, stdout, stderr) = run(None);
    assert_eq!((code, stdout.as_str()), (Some(1), ""));
    let expected = format!(
        "/root: Whisper.\n/root: the certificate of the model's provider at {url}/responses is not trusted: invalid peer certificate: \
         UnknownIssuer (SSL_CERT_FILE can name a file of certificates to trust)\n"
    );
    assert_eq!(stderr, expected);
    let (code, stdout, stderr) = run(Some(file("authority.pem")));
    assert_eq!((code, stdout.as_str()), (Some(0), "In secret.\n"), "{stderr}");
}

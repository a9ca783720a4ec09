//! A listener that speaks TLS with a certificate that nobody trusts.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivatePkcs8KeyDer},
};
use tokio::{net::TcpListener, task::JoinSet};
use tokio_rustls::TlsAcceptor;

/// Signed by itself, for 127.0.0.1, good until 2126. Made with `openssl req -x509 -new -key key.der -days 36500`.
const CERTIFICATE: &[u8] = include_bytes!("tls/certificate.der");
/// Its key. No secret: whoever would trust that certificate deserves what he gets.
const KEY: &[u8] = include_bytes!("tls/key.der");

/// Starts to listen on a free port of 127.0.0.1, until the tasks are dropped. A client that trusts the certificate after all gets
/// nothing either.
pub(crate) async fn listen(tasks: &mut JoinSet<io::Result<()>>) -> io::Result<SocketAddr> {
    let certificate = CertificateDer::from(CERTIFICATE);
    let key = PrivatePkcs8KeyDer::from(KEY);
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key.into())
        .map_err(io::Error::other)?;
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    tasks.spawn(async move {
        loop {
            let (stream, _) = listener.accept().await?;
            // The handshake fails at the client, which says so and goes.
            let _ = acceptor.accept(stream).await;
        }
    });
    Ok(address)
}

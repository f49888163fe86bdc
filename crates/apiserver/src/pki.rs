//! The certificates of one cluster: an authority that issues one for the server and one for its administrator, and
//! then forgets its key. They are in memory only; the administrator's leaves it in the kubeconfig.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use jiff::{Timestamp, ToSpan, civil::Date, tz::TimeZone};
use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, SanType, date_time_ymd,
};
use rustls::pki_types::PrivatePkcs8KeyDer;

use crate::authn::Identity;
use crate::tls::{Door, TlsError};

/// What pods call the API server, and what its own machine calls it.
const SERVER_NAMES: &[&str] = &[
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
    "localhost",
];

/// How long certificates are good for, in years, as kubeadm has it.
const VALID: i16 = 1;

/// The certificates of a cluster, and who is who by them.
pub struct Pki {
    /// The authority's certificate, in PEM.
    pub(crate) authority: String,
    /// The administrator's certificate, in PEM.
    pub(crate) admin_certificate: String,
    /// The administrator's key, in PEM.
    pub(crate) admin_key: String,
    pub(crate) door: Door,
}

/// The certificates can't be made.
#[derive(Debug, thiserror::Error)]
pub enum PkiError {
    /// A key or a certificate.
    #[error("cannot make a certificate: {0}")]
    Certificate(#[from] rcgen::Error),
    /// What uses them.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The clock shows a year that no certificate can be good for.
    #[error("cannot make a certificate: {0}")]
    Clock(#[from] jiff::Error),
}

impl Pki {
    /// New certificates, with names and usages as kubeadm has them; `api_service` is the ClusterIP of the Service
    /// `kubernetes`.
    ///
    /// # Errors
    /// [`PkiError`] when the machine has no random numbers, or no usable clock.
    pub fn new(api_service: IpAddr) -> Result<Self, PkiError> {
        let authority = Authority::new()?;
        let server = authority.issue(server_params(api_service)?)?;
        let admin = authority.issue(admin_params())?;

        let key = PrivatePkcs8KeyDer::from(server.key.serialize_der());
        let door = Door::new(
            authority.certificate.der().clone(),
            server.certificate.der().clone(),
            key.into(),
        )?;
        Ok(Self {
            authority: authority.certificate.pem(),
            admin_certificate: admin.certificate.pem(),
            admin_key: admin.key.serialize_pem(),
            door,
        })
    }
}

struct Authority {
    certificate: Certificate,
    issuer: Issuer<'static, KeyPair>,
}

struct Issued {
    certificate: Certificate,
    key: KeyPair,
}

impl Authority {
    fn new() -> Result<Self, PkiError> {
        let mut params = named("kubernetes");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![
            KeyUsagePurpose::DigitalSignature,
            KeyUsagePurpose::KeyEncipherment,
            KeyUsagePurpose::KeyCertSign,
        ];
        let params = valid(params)?;
        let key = new_key()?;
        Ok(Self {
            certificate: params.self_signed(&key)?,
            issuer: Issuer::new(params, key),
        })
    }

    fn issue(&self, mut params: CertificateParams) -> Result<Issued, PkiError> {
        params.key_usages = vec![
            KeyUsagePurpose::DigitalSignature,
            KeyUsagePurpose::KeyEncipherment,
        ];
        // Strict clients (Python 3.13) want it.
        params.use_authority_key_identifier_extension = true;
        let key = new_key()?;
        Ok(Issued {
            certificate: valid(params)?.signed_by(&key, &self.issuer)?,
            key,
        })
    }
}

fn new_key() -> Result<KeyPair, rcgen::Error> {
    KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)
}

fn server_params(api_service: IpAddr) -> Result<CertificateParams, PkiError> {
    let mut params = named("kube-apiserver");
    for name in SERVER_NAMES {
        params
            .subject_alt_names
            .push(SanType::DnsName((*name).try_into()?));
    }
    let loopback = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
    let addresses = [api_service].into_iter().chain(loopback);
    params.subject_alt_names.extend(addresses.map(SanType::IpAddress));
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    Ok(params)
}

fn admin_params() -> CertificateParams {
    let mut params = named(Identity::ADMIN);
    params
        .distinguished_name
        .push(DnType::OrganizationName, Identity::ADMINS);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params
}

fn named(common_name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
    params
}

/// From yesterday on, because not every clock is right.
fn valid(mut params: CertificateParams) -> Result<CertificateParams, PkiError> {
    let yesterday = Timestamp::now()
        .to_zoned(TimeZone::UTC)
        .date()
        .checked_sub(1.day())?;
    let midnight = |date: Date| {
        let (month, day) = (date.month().unsigned_abs(), date.day().unsigned_abs());
        date_time_ymd(date.year().into(), month, day)
    };
    params.not_before = midnight(yesterday);
    params.not_after = midnight(yesterday.checked_add(VALID.years())?);
    Ok(params)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_certificate_for_clients_identifies_one() {
        let authority = Authority::new().unwrap();
        let server = authority
            .issue(server_params(Ipv4Addr::LOCALHOST.into()).unwrap())
            .unwrap();
        let admin = authority.issue(admin_params()).unwrap();
        let authority = authority.certificate.der().clone();
        let key = PrivatePkcs8KeyDer::from(server.key.serialize_der());
        let server = server.certificate.der().clone();
        let admin = admin.certificate.der().clone();
        let door = Door::new(authority.clone(), server.clone(), key.into()).unwrap();
        assert_eq!(
            door.identify(std::slice::from_ref(&admin)),
            Some(Identity::admin())
        );
        for other in [vec![], vec![server.clone()], vec![authority], vec![server, admin]] {
            assert_eq!(door.identify(&other), None);
        }
    }
}

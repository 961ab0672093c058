"""When certificates end. Pure: the bytes of a PEM file are an argument."""

from cryptography import x509


def ends_of(pem: bytes) -> tuple[int, ...]:
    """The end of each certificate of a PEM file, in ms; ValueError if the file has none or one is malformed."""
    return tuple(
        int(certificate.not_valid_after_utc.timestamp() * 1000) for certificate in x509.load_pem_x509_certificates(pem)
    )

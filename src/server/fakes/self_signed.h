// For tests: a certificate that nobody but its holder trusts.
#ifndef TRIVET_SERVER_FAKES_SELF_SIGNED_H_
#define TRIVET_SERVER_FAKES_SELF_SIGNED_H_

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <cstdio>
#include <string>

namespace trivet {

// Writes PEM files for "localhost"; false if that fails.
inline bool write_self_signed(const std::string& certificate_file, const std::string& key_file) {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509* certificate = X509_new();
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
  X509_set_pubkey(certificate, key);
  X509_NAME* name = X509_get_subject_name(certificate);
  const auto* host = reinterpret_cast<const unsigned char*>("localhost");
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, host, -1, -1, 0);
  X509_set_issuer_name(certificate, name);
  bool ok = X509_sign(certificate, key, EVP_sha256()) > 0;
  if (FILE* file = std::fopen(certificate_file.c_str(), "w")) {
    ok = PEM_write_X509(file, certificate) == 1 && ok;
    std::fclose(file);
  }
  if (FILE* file = std::fopen(key_file.c_str(), "w")) {
    ok = PEM_write_PrivateKey(file, key, nullptr, nullptr, 0, nullptr, nullptr) == 1 && ok;
    std::fclose(file);
  }
  X509_free(certificate);
  EVP_PKEY_free(key);
  return ok;
}

}  // namespace trivet

#endif  // TRIVET_SERVER_FAKES_SELF_SIGNED_H_

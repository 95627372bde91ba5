#include "vault/keyring/quiet_secret_service.h"

#include <libsecret/secret.h>

namespace billbroker {
namespace {

void IgnoreSignal(GDBusProxy* /*self*/, const gchar* /*sender*/, const gchar* /*signal*/,
                  GVariant* /*parameters*/) {}

void IgnoreProperties(GDBusProxy* /*self*/, GVariant* /*changed*/,
                      const gchar* const* /*invalidated*/) {}

void InitClass(gpointer service_class, gpointer /*data*/) {
  auto* methods = G_DBUS_PROXY_CLASS(service_class);
  methods->g_signal = IgnoreSignal;
  methods->g_properties_changed = IgnoreProperties;
}

}  // namespace

GType QuietSecretServiceType() {
  static const GType type = g_type_register_static_simple(
      SECRET_TYPE_SERVICE, "BillbrokerQuietSecretService", sizeof(SecretServiceClass), InitClass,
      sizeof(SecretService), nullptr, static_cast<GTypeFlags>(0));
  return type;
}

}  // namespace billbroker

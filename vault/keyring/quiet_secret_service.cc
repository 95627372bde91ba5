#include "vault/keyring/quiet_secret_service.h"

#include <libsecret/secret.h>

namespace billbroker {
namespace {

constexpr char kMessage[] = "the keyring asks for a person";

void Dismiss(SecretPrompt* prompt) {
  auto* proxy = G_DBUS_PROXY(prompt);
  g_dbus_connection_call(g_dbus_proxy_get_connection(proxy), g_dbus_proxy_get_name(proxy),
                         g_dbus_proxy_get_object_path(proxy), "org.freedesktop.Secret.Prompt",
                         "Dismiss", nullptr, nullptr, G_DBUS_CALL_FLAGS_NO_AUTO_START, -1, nullptr,
                         nullptr, nullptr);
}

GVariant* RefusePrompt(SecretService* /*self*/, SecretPrompt* prompt, GCancellable* /*cancellable*/,
                       const GVariantType* /*return_type*/, GError** error) {
  Dismiss(prompt);
  g_set_error_literal(error, PromptNeededQuark(), 0, kMessage);
  return nullptr;
}

void RefusePromptAsync(SecretService* self, SecretPrompt* prompt,
                       const GVariantType* /*return_type*/, GCancellable* /*cancellable*/,
                       GAsyncReadyCallback callback, gpointer user_data) {
  Dismiss(prompt);
  g_task_report_new_error(self, callback, user_data, nullptr, PromptNeededQuark(), 0, kMessage);
}

GVariant* FinishRefusedPrompt(SecretService* /*self*/, GAsyncResult* result, GError** error) {
  return static_cast<GVariant*>(g_task_propagate_pointer(G_TASK(result), error));
}

void InitClass(gpointer service_class, gpointer /*data*/) {
  auto* methods = SECRET_SERVICE_CLASS(service_class);
  methods->prompt_sync = RefusePrompt;
  methods->prompt_async = RefusePromptAsync;
  methods->prompt_finish = FinishRefusedPrompt;
}

}  // namespace

GType QuietSecretServiceType() {
  static const GType type = g_type_register_static_simple(
      SECRET_TYPE_SERVICE, "BillbrokerQuietSecretService", sizeof(SecretServiceClass), InitClass,
      sizeof(SecretService), nullptr, static_cast<GTypeFlags>(0));
  return type;
}

GQuark PromptNeededQuark() { return g_quark_from_static_string("billbroker-prompt-needed"); }

}  // namespace billbroker

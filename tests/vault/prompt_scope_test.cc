#include "vault/prompt_scope.h"

#include <gtest/gtest.h>

#include "tests/support/fake_vault.h"

namespace billbroker {
namespace {

TEST(PromptScopeTest, AllowsPromptsDuringItsLife) {
  FakeVault vault;
  {
    const PromptScope scope(vault, Prompts::kAllowed);
    EXPECT_TRUE(vault.prompts_allowed());
  }
  EXPECT_FALSE(vault.prompts_allowed());
}

TEST(PromptScopeTest, RefusedChangesNothing) {
  FakeVault vault;
  {
    const PromptScope scope(vault, Prompts::kRefused);
    EXPECT_FALSE(vault.prompts_allowed());
  }
  EXPECT_FALSE(vault.prompts_allowed());
}

}  // namespace
}  // namespace billbroker

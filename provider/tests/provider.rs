//! The provider keeps Terraform's rules: sound schemas, and models that cannot drift from them.

use terraform_provider_stormglass::Stormglass;

#[test]
fn schemas_and_models_agree() {
    assert_eq!(tfplugin::problems(Stormglass), Vec::<String>::new());
}

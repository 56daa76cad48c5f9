//! `stormglass_predictive_scaling_policy`: keeps a capacity plan in force on a scaling target.
//!
//! Planning is a pure function of configuration and prior state: no clock, no network, so that the plan that Terraform
//! makes again while applying equals the one that was shown.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use stormglass_ops::ports::{Applied, ApplyRequest, Mode, OnConflict, Owner};
use stormglass_ops::{CapacityPlan, ScalingTarget, compare, schedule};
use tfplugin::diagnostics::{Diagnostic, Diagnostics};
use tfplugin::model::Field;
use tfplugin::provider::{Context, Failure, ImportTarget, PlanContext, Resource, async_trait};
use tfplugin::schema::{Schema, Timeouts, duration, float64, one_of, string, timeouts};
use tfplugin::validators;
use tfplugin::value::Value;

use crate::attributes::capacity_plan::{CapacityPlanModel, Role, capacity_plan_attribute};
use crate::attributes::job::settings;
use crate::errors::{sentence, target_error};
use crate::hex::hex;
use crate::resources::new_id;
use crate::targets::{TargetModel, target_attribute};

/// Private state: what was at the target before us.
const PREVIOUS: &str = "previous";
/// Private state: the schedule that was applied last, to tell drift from a plan that was kept.
const APPLIED: &str = "applied";

/// The resource.
pub(crate) struct PredictiveScalingPolicy;

/// The model of configuration, plan and state.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct PolicyModel {
    id: Field<String>,
    capacity_plan: Field<CapacityPlanModel>,
    target: TargetModel,
    mode: String,
    replan_tolerance: f64,
    min_remaining: String,
    max_plan_age: String,
    on_conflict: String,
    timeouts: Option<Timeouts>,
}

#[async_trait]
impl Resource for PredictiveScalingPolicy {
    type Model = PolicyModel;

    fn name(&self) -> &'static str {
        "stormglass_predictive_scaling_policy"
    }

    fn schema(&self) -> Schema {
        Schema::new(
            "Keeps a capacity plan in force on a scaling target. The plan's text shows the timetable, how accurate such \
             forecasts were and what they saved; apply puts exactly that timetable in force. A plan right after an apply is \
             empty until the forecast is refreshed.",
        )
        .attribute(string("id").computed().keep_prior().describe("Identifier of the policy, written to the target as its owner."))
        .attribute(capacity_plan_attribute(Role::Configured).optional().computed().describe(
            "From `stormglass_capacity_forecast`. Where it is null, as `on_source_error = \"keep\"` makes it, the policy keeps the \
             schedule that it has.",
        ))
        .attribute(target_attribute().required())
        .attribute(one_of("mode", ["floor", "exact", "observe"]).default("floor").describe(
            "`floor`: a minimum under a reactive autoscaler. `exact`: exactly the schedule. `observe`: nothing is \
             written; forecasts are archived on the machine that reads them, and held against what came in `stormglass plan` and the report.",
        ))
        .attribute(float64("replan_tolerance").default(0.0).validate(validators::range(0.0, 1.0)).describe(
            "Keep the prior capacity plan while the new one differs by less than this share in cost and risk.",
        ))
        .attribute(duration("min_remaining").default("1d").describe(
            "Do not keep a prior capacity plan that covers less than this from the new plan's origin on.",
        ))
        .attribute(duration("max_plan_age").default("24h").describe("Refuse to apply a capacity plan whose origin is older than this."))
        .attribute(one_of("on_conflict", ["error", "take"]).default("error").describe(
            "Where somebody else manages the target: `error` names the owner, `take` takes it over and restores it on destroy.",
        ))
        .attribute(timeouts())
    }

    fn identity_schema(&self) -> Option<Schema> {
        let target = string("target")
            .required_for_import()
            .describe("The target and its place, for example `file:schedule.json`.");
        Some(Schema::new("The target of a policy.").attribute(target))
    }

    fn identity(&self, state: &PolicyModel) -> Option<Value> {
        Some(Value::object([("target", state.target.text().as_str().into())]))
    }

    fn plan(&self, cx: &PlanContext<PolicyModel>, mut plan: PolicyModel) -> Result<PolicyModel, Diagnostics> {
        let configured = match cx.config() {
            Some(config) => config.get::<CapacityPlanModel>("capacity_plan")?,
            None => Field::Null,
        };
        let prior = cx.prior().and_then(|p| Some((p, p.capacity_plan.known()?)));
        plan.capacity_plan = match (configured, prior) {
            (Field::Unknown, _) => Field::Unknown,
            (Field::Null, Some((_, kept))) => {
                cx.warn(kept_without_forecast(kept));
                Field::Known(kept.clone())
            }
            (Field::Null, None) => return Err(nothing_to_keep()),
            (Field::Known(new), prior) => {
                let fresh = new.to_plan().map_err(|e| unreadable_plan(&e))?;
                fits(plan.target.target()?.as_ref(), &fresh)?;
                match prior {
                    Some((before, kept)) if self.keeps(cx, &plan, before, kept, &fresh) => Field::Known(kept.clone()),
                    _ => Field::Known(new),
                }
            }
        };
        Ok(plan)
    }

    async fn create(&self, cx: &Context, plan: PolicyModel) -> Result<PolicyModel, Failure<PolicyModel>> {
        let id = new_id()?;
        self.put(cx, PolicyModel { id: Field::Known(id), ..plan }, None).await
    }

    async fn read(&self, cx: &Context, mut state: PolicyModel) -> Result<Option<PolicyModel>, Diagnostics> {
        if state.mode()? == Mode::Observe {
            return Ok(Some(state));
        }
        let target = state.target.target()?;
        let Some(applied) = target.read(&state.owner()).await.map_err(|e| target_error(&e))? else { return Ok(None) };
        if applied.owner != state.owner() {
            cx.warn(Diagnostic::warning(
                "Target was taken over",
                format!("{} is managed by {} now.", target.describe(), applied.owner.0),
            ));
            state.capacity_plan = Field::Null;
            return Ok(Some(state));
        }
        if let Some(mode) = applied.terms.mode {
            state.mode = word(mode);
        }
        if let Some(model) = state.capacity_plan.known() {
            let plan = model.to_plan().map_err(|e| unreadable_plan(&e))?;
            if let Some(seen) = drifted(&plan, &applied) {
                let seen = CapacityPlanModel::from_plan(&seen).map_err(|e| unreadable_plan(&e))?;
                state.capacity_plan = Field::Known(seen);
            }
        } else {
            // Right after an import there is nothing but what the target holds.
            state.capacity_plan = Field::Null;
        }
        Ok(Some(state))
    }

    async fn update(
        &self,
        cx: &Context,
        prior: PolicyModel,
        plan: PolicyModel,
    ) -> Result<PolicyModel, Failure<PolicyModel>> {
        self.put(cx, plan, Some(prior)).await
    }

    async fn delete(&self, cx: &Context, state: PolicyModel) -> Result<(), Failure<PolicyModel>> {
        if state.mode()? == Mode::Observe {
            return Ok(());
        }
        let previous =
            cx.private().get(PREVIOUS).and_then(|bytes| serde_json::from_slice::<serde_json::Value>(bytes).ok());
        let target = state.target.target()?;
        Ok(target.remove(&state.owner(), previous.as_ref()).await.map_err(|e| target_error(&e))?)
    }

    async fn import(&self, _cx: &Context, target: ImportTarget) -> Result<PolicyModel, Diagnostics> {
        let text = match target {
            ImportTarget::Id(text) => text,
            ImportTarget::Identity(value) => match value.get(&"target".into()) {
                Some(Value::String(text)) => text.clone(),
                _ => return Err(wrong_import("an identity without `target`")),
            },
        };
        let model = TargetModel::parse(&text).ok_or_else(|| wrong_import(&format!("`{text}`")))?;
        let there = model.target()?.read(&Owner(String::new())).await.map_err(|e| target_error(&e))?;
        let Some(applied) = there else {
            return Err(Diagnostics::error("Nothing to import", format!("There is no schedule at `{text}`.")));
        };
        let Some(id) = applied.owner.0.strip_prefix(OWNER_PREFIX) else {
            let detail = format!("`{text}` is managed by {}, which is no policy of this provider.", applied.owner.0);
            return Err(Diagnostics::error("Schedule of somebody else", detail));
        };
        Ok(PolicyModel {
            id: Field::Known(id.to_owned()),
            capacity_plan: Field::Null,
            target: model,
            mode: "floor".into(),
            replan_tolerance: 0.0,
            min_remaining: "1d".into(),
            max_plan_age: "24h".into(),
            on_conflict: "error".into(),
            timeouts: None,
        })
    }
}

/// Begin of the owner that is written to a target; the policy's id follows.
const OWNER_PREFIX: &str = "stormglass/";

impl PolicyModel {
    fn owner(&self) -> Owner {
        Owner(format!("{OWNER_PREFIX}{}", self.id.known().map(String::as_str).unwrap_or_default()))
    }

    fn mode(&self) -> Result<Mode, Diagnostics> {
        settings(&self.mode).map_err(|e| Diagnostic::error("Invalid value", sentence(&e)).at("mode").into())
    }

    fn on_conflict(&self) -> Result<OnConflict, Diagnostics> {
        settings(&self.on_conflict)
            .map_err(|e| Diagnostic::error("Invalid value", sentence(&e)).at("on_conflict").into())
    }
}

impl PredictiveScalingPolicy {
    /// Whether the prior capacity plan stays: near enough to the new one, long enough, and still what the target holds.
    fn keeps(
        &self,
        cx: &PlanContext<PolicyModel>,
        plan: &PolicyModel,
        before: &PolicyModel,
        kept: &CapacityPlanModel,
        fresh: &CapacityPlan,
    ) -> bool {
        let Ok(old) = kept.to_plan() else { return false };
        let untouched = cx.private().get(APPLIED).is_some_and(|bytes| bytes == fingerprint(kept).as_bytes());
        let same = before.target == plan.target && before.mode == plan.mode;
        let Ok(min_remaining) = settings(&plan.min_remaining) else { return false };
        untouched && same && compare::keeps(&old, fresh, plan.replan_tolerance, min_remaining)
    }

    /// Puts the capacity plan in force; the old target, where it is another one, is given up afterwards.
    async fn put(
        &self,
        cx: &Context,
        model: PolicyModel,
        prior: Option<PolicyModel>,
    ) -> Result<PolicyModel, Failure<PolicyModel>> {
        let Some(planned) = model.capacity_plan.known() else { return Err(nothing_to_keep().into()) };
        let plan = planned.to_plan().map_err(|e| unreadable_plan(&e))?;
        let now = plan.as_of.unwrap_or_else(Timestamp::now);
        young_enough(&plan, &model, now)?;
        let moved = prior.as_ref().filter(|p| p.target != model.target || p.mode != model.mode);
        let mut previous = cx.private().get(PREVIOUS).map(<[u8]>::to_vec);
        let given_up = if moved.is_some() { previous.take() } else { None };
        if model.mode()? != Mode::Observe {
            let target = model.target.target()?;
            let request = ApplyRequest {
                owner: model.owner(),
                plan,
                mode: model.mode()?,
                now,
                on_conflict: model.on_conflict()?,
            };
            let applied = target.apply(&request).await.map_err(|e| target_error(&e))?;
            // What was there before the first apply is what a delete restores, whatever came in between.
            previous = previous.or_else(|| applied.previous.map(|v| v.to_string().into_bytes()));
        }
        cx.update_private(|private| {
            private.set(APPLIED, fingerprint(planned));
            match &previous {
                Some(bytes) => private.set(PREVIOUS, bytes.clone()),
                None => private.remove(PREVIOUS),
            }
        });
        if let Some(old) = moved.filter(|old| old.target != model.target && old.mode != "observe") {
            let restore = given_up.and_then(|bytes| serde_json::from_slice::<serde_json::Value>(&bytes).ok());
            if let Err(error) = old.target.target()?.remove(&old.owner(), restore.as_ref()).await {
                return Err(Failure::with(model, target_error(&error)));
            }
        }
        Ok(model)
    }
}

/// A plan that is too old tells nothing of tomorrow.
fn young_enough(plan: &CapacityPlan, model: &PolicyModel, now: Timestamp) -> Result<(), Diagnostics> {
    let limit: stormglass_ops::duration::Span = settings(&model.max_plan_age)
        .map_err(|e| Diagnostics::from(Diagnostic::error("Invalid value", sentence(&e)).at("max_plan_age")))?;
    let age = now.duration_since(plan.origin);
    let limit = SignedDuration::from_secs(i64::try_from(limit.as_secs()).unwrap_or(i64::MAX));
    if age <= limit {
        return Ok(());
    }
    let detail = format!(
        "The capacity plan begins at {}, {} hours ago; `max_plan_age` is {}. Run `terraform plan` again for a new forecast, or \
         raise `max_plan_age`.",
        plan.origin,
        age.as_hours(),
        model.max_plan_age
    );
    Err(Diagnostic::error("Capacity plan is too old", detail).at("capacity_plan.origin").into())
}

/// The capacity plan with what the target really holds, if terms or steps to come differ; passed ones are no drift.
fn drifted(plan: &CapacityPlan, applied: &Applied) -> Option<CapacityPlan> {
    let now = plan.as_of.unwrap_or_else(Timestamp::now);
    let (want, have) = (schedule::to_come(&plan.steps, now), schedule::to_come(&applied.steps, now));
    let there = applied.terms.laid_over(plan);
    if schedule::same_units(&want, &have) {
        return (there != *plan).then_some(there);
    }
    Some(CapacityPlan { steps: applied.steps.clone(), ..there })
}

/// Whether the target can hold the schedule; the target itself is not asked.
fn fits(target: &dyn ScalingTarget, plan: &CapacityPlan) -> Result<(), Diagnostics> {
    schedule::fits(&target.describe(), &target.limits(), plan).map_err(|e| target_error(&e))
}

/// What tells one schedule from another: short, as it stands in the state of each policy.
fn fingerprint(plan: &CapacityPlanModel) -> String {
    let days: String = plan.schedule.iter().map(|(day, line)| format!("{day}={line};")).collect();
    let CapacityPlanModel { min, max, time_zone, valid_until, after, week, .. } = plan;
    let week = week.as_deref().unwrap_or_default();
    hex(&Sha256::digest(format!("{days}{min}-{max} {time_zone} {valid_until} {after} {week}"))[..16])
}

/// A mode as users write it.
fn word(mode: Mode) -> String {
    match mode {
        Mode::Floor => "floor",
        Mode::Exact => "exact",
        Mode::Observe => "observe",
    }
    .to_owned()
}

fn unreadable_plan(problem: &str) -> Diagnostics {
    let detail =
        format!("{} Pass on the `capacity_plan` of a `stormglass_capacity_forecast` unchanged.", sentence(problem));
    Diagnostic::error("Capacity plan cannot be read", detail).at("capacity_plan").into()
}

fn nothing_to_keep() -> Diagnostics {
    let detail = "`capacity_plan` is null and this policy has no schedule yet that it could keep. See the `status` of the \
                  `stormglass_capacity_forecast` for the reason, and apply once while its source can be read.";
    Diagnostic::error("No capacity plan", detail).at("capacity_plan").into()
}

fn kept_without_forecast(kept: &CapacityPlanModel) -> Diagnostic {
    let detail = format!(
        "There is no new forecast, so the schedule that is in force stays. It ends at {}; then follows `{}`. See the `status` of \
         the `stormglass_capacity_forecast` for the reason.",
        kept.valid_until, kept.after
    );
    Diagnostic::warning("Schedule is kept", detail).at("capacity_plan")
}

fn wrong_import(found: &str) -> Diagnostics {
    let detail = format!("Found {found}; expected the target and its place, for example `file:schedule.json`.");
    Diagnostics::error("Wrong import id", detail)
}

"""Says in plain words why a sign-in or a refresh failed, from the OAuth error and its description."""

from __future__ import annotations

from core.errors import GrantRejected, SignInError, TransientOrgError

# error, a part of its description (empty: any), what happened, what to do
_ROWS: tuple[tuple[str, str, str, str], ...] = (
    (
        "access_denied",
        "",
        "The consent was refused.",
        "Start the sign-in again and allow the access, or ask the org's admin to approve the app for this user.",
    ),
    (
        "invalid_grant",
        "authorization code",
        "The sign-in took too long, or its code was used before.",
        "Start the sign-in again.",
    ),
    (
        "invalid_grant",
        "code verifier",
        "The sign-in was finished in another browser than it began in.",
        "Start the sign-in again and finish it in the same browser.",
    ),
    (
        "invalid_grant",
        "hasn't approved",
        "The user has not approved the app.",
        "Ask the org's admin to pre-authorize the app for the user's profile, or sign in by browser once.",
    ),
    (
        "invalid_grant",
        "no refresh token",
        "There is nothing to renew the session with.",
        "Sign in again; the app needs the scope 'refresh_token'.",
    ),
    (
        "invalid_grant",
        "expired access/refresh token",
        "The org no longer accepts our sign-in: it expired or was revoked.",
        "Reconnect the org.",
    ),
    (
        "invalid_grant",
        "inactive",
        "The user who signed in is no longer active in the org.",
        "Have the user activated, or connect with another user.",
    ),
    (
        "invalid_grant",
        "audience",
        "The assertion is meant for another host.",
        "Use the sign-in host that fits the org: production, sandbox or My Domain.",
    ),
    (
        "invalid_grant",
        "",
        "The org refused the sign-in.",
        "Sign in again. If it fails again, check the user, its IP ranges and the app's policies in the org.",
    ),
    (
        "redirect_uri_mismatch",
        "",
        "The callback address does not match the one set in the app.",
        "In the org's app settings, enter our callback address exactly as shown here.",
    ),
    (
        "invalid_client_id",
        "",
        "The org does not know the app's consumer key.",
        "Check the consumer key, and that the app was made in this org; a new app needs up to ten minutes.",
    ),
    (
        "invalid_client",
        "",
        "The org refused the app's consumer secret or assertion.",
        "Copy the consumer secret again from the app; for JWT check that its certificate belongs to our key.",
    ),
    (
        "invalid_app_access",
        "",
        "The app is not open to this user.",
        "Ask the org's admin to assign the app to the user's profile or permission set.",
    ),
    (
        "inactive_user",
        "",
        "The user who signed in is no longer active in the org.",
        "Have the user activated, or connect with another user.",
    ),
    (
        "inactive_org",
        "",
        "The org is locked or closed.",
        "Ask the org's admin.",
    ),
    (
        "api_disabled_for_org",
        "",
        "The API is not enabled for this user or org.",
        "Ask the org's admin to grant 'API Enabled'.",
    ),
    (
        "immediate_unsuccessful",
        "",
        "The org wants the user to sign in by hand.",
        "Start the sign-in again.",
    ),
    (
        "unsupported_grant_type",
        "",
        "The org does not offer this way to sign in.",
        "Switch the flow on in the app's settings, or choose another one.",
    ),
    (
        "unauthorized_client",
        "",
        "The app may not sign in this way.",
        "Switch the flow on in the app's settings.",
    ),
    (
        "invalid_scope",
        "",
        "The app does not grant an access that we asked for.",
        "Give the app the scopes 'api', 'refresh_token' and 'openid'.",
    ),
    (
        "invalid_request",
        "",
        "The org did not take the sign-in request.",
        "Check the consumer key and the callback address, then start again.",
    ),
    (
        "invalid_token",
        "",
        "The org no longer knows our token.",
        "Reconnect the org.",
    ),
)


def words(error: str, description: str) -> tuple[str, str]:
    """What happened and what to do, for an OAuth error."""
    told = description.lower()
    if "api" in told and ("not enabled" in told or "disabled" in told):
        error, told = "api_disabled_for_org", ""
    for code, part, what, do in _ROWS:
        if code == error.lower() and part in told:
            return what, do
    return f"The org refused the sign-in with the error '{error[:60]}'.", "Check the app's settings in the org."


def sign_in_error(error: str, description: str = "") -> SignInError:
    """A step of a sign-in failed: the person at the browser can mend it."""
    what, do = words(error, description)
    return SignInError(what, hint=do, oauth_error=error, org_message=description[:300])


def grant_error(error: str, description: str = "") -> GrantRejected:
    """A refresh or an assertion was refused: the connection must be made again."""
    what, do = words(error, description)
    return GrantRejected(what, hint=do, status_code=error, http=400, org_message=description[:300])


def not_now(http: int, error: str) -> TransientOrgError:
    """The sign-in service could not answer; the grant itself is untouched."""
    return TransientOrgError(
        "The org's sign-in service is busy or in maintenance.",
        hint="Nothing; it is tried again.",
        status_code=error,
        http=http,
    )

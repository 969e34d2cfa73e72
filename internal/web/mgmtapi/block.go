package mgmtapi

import (
	"net/http"

	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/manage"
	"github.com/doorcode/doorcode/internal/tenant"
	"github.com/doorcode/doorcode/internal/web"
)

// A blocksReply lists why somebody cannot sign in (Auth0: user blocks).
type blocksReply struct {
	BlockedFor []blockReply `json:"blocked_for"`
}

type blockReply struct {
	Identifier string `json:"identifier"`
	IP         string `json:"ip,omitempty"`
}

// blocks is GET /api/v2/user-blocks.
func (a *API) blocks(w http.ResponseWriter, r *request) error {
	identifier, err := blockedIdentifier(r)
	if err != nil {
		return err
	}
	list, err := a.Manage.BlocksOf(r.Context(), identifier)
	if err != nil {
		return err
	}
	return a.writeBlocks(w, r, list)
}

// userBlocks is GET /api/v2/user-blocks/{id}.
func (a *API) userBlocks(w http.ResponseWriter, r *request) error {
	list, err := a.Manage.BlocksOfUser(r.Context(), tenant.UserID(r.PathValue("id")))
	if err != nil {
		return err
	}
	return a.writeBlocks(w, r, list)
}

func (a *API) writeBlocks(w http.ResponseWriter, r *request, list []manage.Block) error {
	consider, err := boolParam(r.URL.Query(), "consider_brute_force_enablement", false)
	if err != nil {
		return err
	}
	if consider {
		enforced, err := a.Manage.Enforced(r.Context())
		if err != nil {
			return err
		}
		if !enforced {
			list = nil
		}
	}
	reply := blocksReply{BlockedFor: []blockReply{}}
	for _, b := range list {
		reply.BlockedFor = append(reply.BlockedFor, blockReply{Identifier: b.Identifier, IP: b.IP})
	}
	return web.WriteJSON(w, http.StatusOK, reply)
}

// unblock is DELETE /api/v2/user-blocks.
func (a *API) unblock(w http.ResponseWriter, r *request) error {
	identifier, err := blockedIdentifier(r)
	if err != nil {
		return err
	}
	if err := a.Manage.Unblock(r.Context(), r.actor, identifier); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// unblockUser is DELETE /api/v2/user-blocks/{id}.
func (a *API) unblockUser(w http.ResponseWriter, r *request) error {
	if err := a.Manage.UnblockUser(r.Context(), r.actor, tenant.UserID(r.PathValue("id"))); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// maxIdentifier bounds what is looked up.
const maxIdentifier = 512

func blockedIdentifier(r *request) (string, error) {
	identifier := r.URL.Query().Get("identifier")
	if identifier == "" || len(identifier) > maxIdentifier {
		return "", fault.New(fault.Invalid, "invalid_query_string", "Query validation error: 'Missing required property: identifier'.")
	}
	return identifier, nil
}

// addressBlocked is GET /api/v2/anomaly/blocks/ips/{id}: 200 for an address
// that is blocked, and 404 for any other.
func (a *API) addressBlocked(w http.ResponseWriter, r *request) error {
	blocked, err := a.Manage.AddressBlocked(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	if !blocked {
		return errUnknown
	}
	w.WriteHeader(http.StatusOK)
	return nil
}

// unblockAddress is DELETE /api/v2/anomaly/blocks/ips/{id}.
func (a *API) unblockAddress(w http.ResponseWriter, r *request) error {
	if err := a.Manage.UnblockAddress(r.Context(), r.actor, r.PathValue("id")); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

#include "conf/conf.h"

#include <stdlib.h>
#include <string.h>

#include "base/fsio.h"
#include "conf/doc.h"
#include "conf/reader.h"

static void read_root(struct reader *r)
{
	yaml_node_t *root = yaml_document_get_root_node(r->doc);

	if (!root || doc_is_null(root))
		complain(r->complaints, &(yaml_mark_t){0}, "",
		         "the file is empty; a policy has at least repositories and instances");
	else if (root->type != YAML_MAPPING_NODE)
		complain(r->complaints, &root->start_mark, "", "found %s, allowed: a mapping",
		         doc_kind(root));
	else
		read_section(r, root, "", "", r->draft);
}

int conf_parse(const char *text, size_t n, const char *name, struct policy **ret,
               struct str *report, struct err *err)
{
	struct complaints complaints = {.name = name};
	struct draft draft = {0};
	yaml_document_t doc;
	int rc = 0;

	draft_defaults("", &draft);
	if (doc_load(text, n, &doc, &complaints) == 0) {
		struct reader r = {&doc, &complaints, &draft};
		read_root(&r);
		yaml_document_delete(&doc);
	}
	if (complaints.list.n)
		rc = complaints_report(&complaints, report, err);
	else
		*ret = draft_finish(&draft, name);
	draft_done(&draft);
	complaints_done(&complaints);
	return rc;
}

int conf_load(const char *path, struct policy **ret, struct str *report, struct err *err)
{
	struct err why = ERR_INIT;
	char *text = NULL;
	size_t n;
	int rc;

	if (fsio_read_file(path, DOC_BYTES_MAX, &text, &n, &why)) {
		err_add(&why, "policy");
		if (why.kind == ERR_NOT_FOUND)
			err_hint(&why, "Write one (mybakd.yaml(5)), or name it with --policy.");
		if (report)
			str_addf(report, "%s\n", why.text);
		if (err)
			*err = why;
		return -1;
	}
	rc = conf_parse(text, n, path, ret, report, err);
	free(text);
	return rc;
}

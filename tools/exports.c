/*
 * Reading the dynamic symbol table of an object in memory, as the dynamic
 * linker does.  The table does not tell its own length: the hash table beside
 * it does.
 */
#include "exports.h"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* <link.h> has it.  An analyser that does not read system headers needs it to
 * tell what follows from a function call. */
#ifndef ElfW
#define ElfW(type) Elf64_##type
#endif

/* What of the object's dynamic section is needed. */
struct tables {
	const ElfW(Sym) * symbols;
	const char *strings;
	const uint32_t *gnu_hash; /* NULL: there is none */
	const uint32_t *hash; /* likewise */
};

/* How a GNU hash table begins. */
struct gnu_header {
	uint32_t n_buckets;
	uint32_t
	    first; /* the first symbol in the table; undefined ones precede */
	uint32_t n_words; /* of the filter, each as wide as an address */
	uint32_t shift;
};

/* On most machines the dynamic linker has made these absolute; on some, where
 * the section cannot be written to, they are still offsets. */
static const void *
table_at(const struct link_map *map, ElfW(Addr) at)
{
	return (const void *)(at < map->l_addr ? map->l_addr + at : at);
}

static struct tables
find_tables(const struct link_map *map)
{
	struct tables found = { 0 };
	const ElfW(Dyn) * entry;

	for (entry = map->l_ld; entry->d_tag != DT_NULL; entry++) {
		const void *at = table_at(map, entry->d_un.d_ptr);

		if (entry->d_tag == DT_SYMTAB)
			found.symbols = at;
		else if (entry->d_tag == DT_STRTAB)
			found.strings = at;
		else if (entry->d_tag == DT_GNU_HASH)
			found.gnu_hash = at;
		else if (entry->d_tag == DT_HASH)
			found.hash = at;
	}
	return found;
}

/* The chain that begins last also ends last, at an odd word. */
static size_t
count_by_gnu_hash(const uint32_t *table)
{
	struct gnu_header header;
	const uint32_t *buckets, *chains;
	uint32_t last = 0, i;

	memcpy(&header, table, sizeof(header));
	buckets = table + sizeof(header) / sizeof(*table) +
	    header.n_words * (sizeof(ElfW(Addr)) / sizeof(*table));
	chains = buckets + header.n_buckets;

	for (i = 0; i < header.n_buckets; i++)
		if (buckets[i] > last)
			last = buckets[i];
	if (last < header.first)
		return header.first;
	while ((chains[last - header.first] & 1) == 0)
		last++;
	return (size_t)last + 1;
}

static size_t
count_symbols(const struct tables *tables)
{
	if (tables->gnu_hash != NULL)
		return count_by_gnu_hash(tables->gnu_hash);
	/* The second word of the older table: as many chains as symbols. */
	return tables->hash != NULL ? tables->hash[1] : 0;
}

/* The type and binding of a symbol are packed alike in both ELF classes. */
static bool
is_function(const ElfW(Sym) * symbol, const char *name)
{
	unsigned type = ELF64_ST_TYPE(symbol->st_info);
	unsigned binding = ELF64_ST_BIND(symbol->st_info);

	return symbol->st_shndx != SHN_UNDEF &&
	    (type == STT_FUNC || type == STT_GNU_IFUNC) &&
	    (binding == STB_GLOBAL || binding == STB_WEAK) &&
	    strcmp(name, "_init") != 0 && strcmp(name, "_fini") != 0;
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int
pp_exports_list(void *handle, struct exports *exports)
{
	struct link_map *map;
	struct tables tables;
	struct exports list = { 0 };
	size_t n, i;

	if (dlinfo(handle, RTLD_DI_LINKMAP, &map) != 0)
		return -1;
	tables = find_tables(map);
	if (tables.symbols == NULL || tables.strings == NULL)
		return -1;

	n = count_symbols(&tables);
	list.names = calloc(n + 1, sizeof(*list.names));
	if (list.names == NULL)
		return -1;
	for (i = 0; i < n; i++) {
		const char *name = tables.strings + tables.symbols[i].st_name;

		if (is_function(&tables.symbols[i], name))
			list.names[list.n++] = name;
	}
	qsort(list.names, list.n, sizeof(*list.names), by_name);
	*exports = list;
	return 0;
}

bool
pp_exports_has(const struct exports *exports, const char *name)
{
	return bsearch(&name, exports->names, exports->n,
		   sizeof(*exports->names), by_name) != NULL;
}

void
pp_exports_done(struct exports *exports)
{
	free(exports->names);
	exports->names = NULL;
	exports->n = 0;
}

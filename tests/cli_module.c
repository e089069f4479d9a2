/*
 * The module that cli.sh maps with: jobs that do what their record says.
 */
#include <procpool.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int echo(struct procpool_job *job, const void *arg, size_t len);
int print(struct procpool_job *job, const void *arg, size_t len);
int env(struct procpool_job *job, const void *arg, size_t len);
int pid(struct procpool_job *job, const void *arg, size_t len);
int obey(struct procpool_job *job, const void *arg, size_t len);

/* Exported, and no function. */
extern int variable;
int variable = 1;

int
echo(struct procpool_job *job, const void *arg, size_t len)
{
	return procpool_return(job, arg, len);
}

/* On stdout, which a job should not, and then echo. */
int
print(struct procpool_job *job, const void *arg, size_t len)
{
	printf("printed %.*s\n", (int)len, (const char *)arg);
	fflush(stdout);
	return echo(job, arg, len);
}

/* Part of a line. */
static int
print_part(struct procpool_job *job, const char *text)
{
	fputs(text, stdout);
	fflush(stdout);
	return procpool_return(job, NULL, 0);
}

static int
return_text(struct procpool_job *job, const char *text)
{
	return procpool_return(job, text, strlen(text));
}

/* The value of a variable. */
int
env(struct procpool_job *job, const void *arg, size_t len)
{
	char name[100];
	const char *value;

	snprintf(name, sizeof(name), "%.*s", (int)len, (const char *)arg);
	value = getenv(name);
	return return_text(job, value != NULL ? value : "(unset)");
}

int
pid(struct procpool_job *job, const void *arg, size_t len)
{
	char text[20];

	(void)arg;
	(void)len;
	snprintf(text, sizeof(text), "%ld", (long)getpid());
	return return_text(job, text);
}

/* That many bytes. */
static int
give(struct procpool_job *job, size_t len)
{
	char *space = procpool_reserve(job, len);

	if (space == NULL)
		return procpool_fail(job, 1, "no space");
	memset(space, 'x', len);
	return procpool_return(job, space, len);
}

/* Write our pid into a file, and never return. */
static int
hang(const char *path)
{
	FILE *file = fopen(path, "w");

	if (file == NULL)
		return -1;
	fprintf(file, "%ld\n", (long)getpid());
	fclose(file);
	for (;;)
		pause();
}

/* Wait for whoever opens a fifo to write, and for the end of what he does. */
static int
await(const char *path)
{
	FILE *file = fopen(path, "r");

	if (file == NULL)
		return -1;
	while (getc(file) != EOF)
		;
	fclose(file);
	return 0;
}

static int
release(const char *path)
{
	FILE *file = fopen(path, "w");

	if (file == NULL)
		return -1;
	fclose(file);
	return 0;
}

/* Each word on a line of its own. */
static int
give_lines(struct procpool_job *job, char *words)
{
	char *space;

	while ((space = strchr(words, ' ')) != NULL)
		*space = '\n';
	return return_text(job, words);
}

/* Kills the process that forks workers, which takes this one with it. */
static void
kill_parent(void)
{
	kill(getppid(), SIGKILL);
	for (;;)
		pause();
}

/* "VERB ARGUMENT"; what is no verb is echoed. */
int
obey(struct procpool_job *job, const void *arg, size_t len)
{
	char line[1000], *space, *rest;

	snprintf(line, sizeof(line), "%.*s", (int)len, (const char *)arg);
	space = strchr(line, ' ');
	rest = space != NULL ? space + 1 : line + strlen(line);
	if (space != NULL)
		*space = '\0';

	if (strcmp(line, "raise") == 0)
		raise(atoi(rest));
	else if (strcmp(line, "exit") == 0)
		exit(atoi(rest));
	else if (strcmp(line, "fail") == 0)
		return procpool_fail(job, atoi(rest), "told to\n\033[1m");
	else if (strcmp(line, "give") == 0)
		return give(job, strtoul(rest, NULL, 10));
	else if (strcmp(line, "lines") == 0)
		return give_lines(job, rest);
	else if (strcmp(line, "print") == 0)
		return print(job, rest, strlen(rest));
	else if (strcmp(line, "part") == 0)
		return print_part(job, rest);
	else if (strcmp(line, "nap") == 0)
		usleep((useconds_t)atoi(rest) * 1000);
	else if (strcmp(line, "orphan") == 0)
		kill_parent();
	else if (strcmp(line, "hang") == 0)
		return hang(rest);
	else if (strcmp(line, "await") == 0 && await(rest) != 0)
		return procpool_fail(job, 2, "cannot await %s", rest);
	else if (strcmp(line, "release") == 0 && release(rest) != 0)
		return procpool_fail(job, 3, "cannot release %s", rest);
	return echo(job, arg, len);
}
